"""Surgery is exact: a cut model equals the masked one, on dense and on factorised maps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import trunk_of
from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.anatomy import Layer, Slot, anatomy_of
from jobs.compression.depth import keep_layers
from jobs.compression.factoring import factors, spectrum
from jobs.compression.surgery import drop_heads, drop_layers, drop_units, factorise, mask
from jobs.contract.errors import NotApplicableError
from tests.tiny import FAMILIES, HEADS, REPRESENTATIVES, UNITS, tiny, tiny_batch

KEPT_HEADS = ([0, 2, 3], [1])
KEPT_UNITS = (list(range(0, 64, 2)), [3, 5, 61])

families = pytest.mark.parametrize(
    "family", [pytest.param(each, marks=() if each in REPRESENTATIVES else pytest.mark.slow) for each in FAMILIES]
)
ONE_BY_ONE = [
    pytest.param(each, marks=() if each in REPRESENTATIVES else pytest.mark.slow)
    for each in sorted(set(FAMILIES) - {"albert", "modernbert"})
]
"""Families whose layers can go one by one: all but the one that shares a layer, and one that needs its first."""
factorised = pytest.mark.parametrize("factorised", [False, True], ids=["dense", "factorised"])


@contextmanager
def opened(family: str, *, factorised: bool = False) -> Iterator[tuple[PreTrainedModel, Sequence[Layer]]]:
    """Give a tiny model, ready for a step, and its layers; with *factorised*, every map is so at full rank."""
    model = tiny(family)
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        for slot in (slot for layer in anatomy.layers(model) for slot in layer.slots if factorised):
            at_full_rank(slot)
        yield model, anatomy.layers(model)


def at_full_rank(slot: Slot) -> None:
    """Factorise *slot* without loss."""
    weight = slot.weight().detach()
    factorise(slot, *factors(spectrum(weight), min(weight.shape)))


def silence_inputs(slot: Slot, dropped: Tensor) -> None:
    """Set the columns *dropped* of a map to zero: what comes in there no longer matters."""
    slot.linear.weight.data[:, dropped] = 0


def output(model: PreTrainedModel, family: str) -> Tensor:
    """Return the last hidden states of one batch."""
    with torch.no_grad():
        return trunk_of(model)(**tiny_batch(family)).last_hidden_state


@families
@factorised
def test_cut_heads_equal_masked_heads(family: str, factorised: bool) -> None:
    """Cutting a head is the same as ignoring what it says, unevenly over the layers too."""
    with opened(family, factorised=factorised) as (model, layers):
        dense = output(model, family)
        for layer, kept in zip(layers, KEPT_HEADS, strict=False):
            span = layer.attention.span(layer.attention.output)
            columns = torch.arange(HEADS * span).view(HEADS, span)
            going = [head for head in range(HEADS) if head not in kept]
            silence_inputs(layer.attention.output, columns[going].flatten())
        masked = output(model, family)

        for layer, kept in zip(layers, KEPT_HEADS, strict=False):
            drop_heads(layer.attention, torch.tensor(kept))

        assert [layer.attention.heads for layer in layers] == [3, 1][: len(layers)]
        assert (dense - masked).abs().max() > 1e-3
        torch.testing.assert_close(output(model, family), masked, rtol=0, atol=1e-5)


@families
@factorised
def test_cut_units_equal_masked_units(family: str, factorised: bool) -> None:
    """Cutting a feed-forward unit is the same as ignoring what it says."""
    with opened(family, factorised=factorised) as (model, layers):
        dense = output(model, family)
        cuts = [(pair, kept) for layer, kept in zip(layers, KEPT_UNITS, strict=False) for pair in layer.feed_forwards]
        for pair, kept in cuts:
            silence_inputs(pair.down, torch.tensor([unit for unit in range(UNITS) if unit not in kept]))
        masked = output(model, family)

        for pair, kept in cuts:
            drop_units(pair, torch.tensor(kept))

        assert [pair.units for pair, _ in cuts] == [len(kept) for _, kept in cuts]
        assert (dense - masked).abs().max() > 1e-2
        torch.testing.assert_close(output(model, family), masked, rtol=0, atol=1e-5)


@families
def test_full_rank_factors_change_nothing(family: str) -> None:
    """At full rank two factors are the map itself."""
    before = output(tiny(family), family)

    with opened(family, factorised=True) as (model, _):
        after = output(model, family)

    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ONE_BY_ONE)
def test_dropped_layers_leave_the_others_in_order(family: str) -> None:
    """Dropping layers gives the model that was built from the others."""
    model = tiny(family, layers=4)
    expected = tiny(family, layers=2, seed=1)
    stacks = anatomy_of(model).encoder(model), anatomy_of(expected).encoder(expected)
    rest = {name: value for name, value in model.state_dict().items() if name in expected.state_dict()}
    expected.load_state_dict(rest)
    for target, source in zip(stacks[1], (stacks[0][1], stacks[0][3]), strict=True):
        target.load_state_dict(source.state_dict(), strict=False)  # what serves all layers is in the first one

    drop_layers(stacks[0], (1, 3))

    assert model.state_dict().keys() == expected.state_dict().keys()
    torch.testing.assert_close(output(model, family), output(expected, family), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("family", "config", "message"),
    [
        ("modernbert", {}, "layer 0 to stay"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "lowest layers to stay"),
        ("albert", {"num_hidden_groups": 2}, "has several of them"),
    ],
)
def test_a_layer_that_must_stay_is_told(family: str, config: dict[str, Any], message: str) -> None:
    """Where the rest could not be built, or would compute something else, no layer goes."""
    model = tiny(family, layers=2, **config)

    with pytest.raises(NotApplicableError, match=message):
        keep_layers(model, anatomy_of(model), [1])


def test_a_shared_layer_is_used_less_often() -> None:
    """Of a layer that is used several times fewer layers are fewer uses."""
    model, expected = tiny("albert", layers=3), tiny("albert", layers=2)
    expected.load_state_dict(model.state_dict())

    keep_layers(model, anatomy_of(model), [0, 2])

    assert model.config.num_hidden_layers == 2
    assert torch.equal(output(model, "albert"), output(expected, "albert"))


def test_kinds_of_layers_stay_with_them() -> None:
    """A config that names the kind of each layer names those that are left."""
    model = tiny("modernbert", layers=4)
    assert model.config.layer_types[3] == "full_attention"

    keep_layers(model, anatomy_of(model), [0, 1, 3])

    assert model.config.layer_types == ["full_attention", "sliding_attention", "full_attention"]


def test_layers_count_themselves_anew() -> None:
    """A layer that knows its place, as for a cache, learns the new one."""
    model = tiny("bert", layers=3)
    stack = anatomy_of(model).encoder(model)

    drop_layers(stack, (0, 2))

    assert [layer.attention.self.layer_idx for layer in stack] == [0, 1]


def test_dtype_mode_and_flags_stay() -> None:
    """A cut map keeps its number type, its mode and whether it learns."""
    model = tiny("bert").to(torch.bfloat16).train()
    layer = anatomy_of(model).layers(model)[0]
    layer.attention.query.linear.requires_grad_(requires_grad=False)

    drop_heads(layer.attention, torch.tensor([1]))
    at_full_rank(layer.feed_forward.up)

    query, up = layer.attention.query.linear, layer.feed_forward.up.linear
    assert isinstance(up, FactorisedLinear)
    assert (query.weight.dtype, up.weight.dtype) == (torch.bfloat16, torch.bfloat16)
    assert query.training
    assert up.training
    assert not query.weight.requires_grad
    assert not query.bias.requires_grad
    assert up.weight.requires_grad


def test_maps_without_bias_are_cut_too() -> None:
    """A projection without bias stays without one."""
    model = tiny("vit", qkv_bias=False)
    layer = anatomy_of(model).layers(model)[0]

    drop_heads(layer.attention, torch.tensor([0, 3]))

    assert layer.attention.query.linear.bias is None
    assert layer.attention.heads == 2


def test_mask_zeroes_only_what_it_is_told() -> None:
    """A mask sets entries to zero in place and leaves the rest."""
    weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))

    mask(weight, torch.tensor([[True, False], [False, True]]))

    assert weight.tolist() == [[0, 2], [3, 0]]
