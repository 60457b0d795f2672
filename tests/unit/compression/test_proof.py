"""A wrong cut does not pass: what is left must give what the masked model gives."""

from functools import partial

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import Batch
from jobs.compression.anatomy import Layer, anatomy_of
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.proof import cut_proven, drop_proven, unchanged
from jobs.compression.surgery import drop_heads, drop_layers, drop_units, factorise
from jobs.compression.technique import Context
from jobs.contract.errors import VerificationError
from tests.tiny import HEADS, REPRESENTATIVES, UNITS, tiny, tiny_batch

families = pytest.mark.parametrize("family", REPRESENTATIVES)


def context(model: PreTrainedModel) -> Context:
    """Return a context without data."""
    probe: Batch = tiny_batch(model.config.model_type)
    return Context(anatomy_of(model), None, torch.Generator(), lambda done, total, note="": None, probe)


def head_cut(layer: Layer, stay: list[int], made: list[int]) -> Cut:
    """Return a cut that ought to leave the heads *stay* and leaves the heads *made*."""
    going = inputs_going(torch.tensor(stay), HEADS, layer.attention.head_dim)
    return Cut(layer.attention.output, going, partial(drop_heads, layer.attention, torch.tensor(made)))


def unit_cut(layer: Layer, stay: list[int], made: list[int]) -> Cut:
    """Return a cut that ought to leave the units *stay* and leaves the units *made*."""
    going = inputs_going(torch.tensor(stay), UNITS)
    return Cut(layer.feed_forward.down, going, partial(drop_units, layer.feed_forward, torch.tensor(made)))


@families
def test_other_heads_than_asked_for_are_caught(family: str) -> None:
    """Cutting another head than the masked one is refused, and the layer is named."""
    model = tiny(family)
    low, high = anatomy_of(model).layers(model)
    cuts = [head_cut(low, [0, 1], [0, 1]), head_cut(high, [0, 1], [0, 2])]

    with pytest.raises(VerificationError, match=high.attention.output.name):
        cut_all(model, cuts, "attention", context(model), refit=False)


@families
def test_a_single_wrong_unit_is_caught(family: str) -> None:
    """One unit in the place of another is enough."""
    model = tiny(family)
    low, high = anatomy_of(model).layers(model)
    wrong = [*range(30), 31]
    cuts = [unit_cut(low, list(range(31)), wrong), unit_cut(high, [1, 2], [1, 2])]

    with pytest.raises(VerificationError, match=low.feed_forward.down.name):
        cut_all(model, cuts, "feed_forward", context(model), refit=False)


def test_rows_that_do_not_match_their_columns_are_caught() -> None:
    """A projection cut at other rows than its neighbours is refused."""
    model = tiny("bert")
    layer = anatomy_of(model).layers(model)[0]
    right = head_cut(layer, [0, 1], [0, 1])

    def shifted() -> None:
        key = layer.attention.key.linear
        key.weight.data, key.bias.data = key.weight.data.roll(8, 0), key.bias.data.roll(8)
        right.make()

    with pytest.raises(VerificationError, match=layer.attention.output.name):
        cut_all(model, [Cut(right.reader, right.going, shifted)], "attention", context(model), refit=False)


def test_what_is_changed_elsewhere_is_caught() -> None:
    """A change outside of the maps that are cut shows in the model's output."""
    model = tiny("vit")

    with pytest.raises(VerificationError, match="the model"), cut_proven(model, tiny_batch("vit"), {}):
        model.layernorm.weight.data *= 1.01


def test_not_a_number_is_caught() -> None:
    """An output that is not a number equals nothing."""
    model = tiny("vit")

    with pytest.raises(VerificationError), cut_proven(model, tiny_batch("vit"), {}):
        model.layernorm.weight.data[0] = torch.nan


@families
def test_another_layer_than_asked_for_is_caught(family: str) -> None:
    """Dropping a layer in the place of another is refused, and no bypass stays behind."""
    model = tiny(family, layers=3)
    stack = anatomy_of(model).encoder(model)

    with pytest.raises(VerificationError), drop_proven(model, tiny_batch(family), stack, [1]):
        drop_layers(stack, (1, 2))

    assert not any(module._forward_hooks for module in model.modules())


def test_wrong_factors_are_caught() -> None:
    """Factors whose product is not the matrix are refused, and the map is named."""
    model = tiny("hubert")
    slot = anatomy_of(model).layers(model)[1].feed_forward.up

    with pytest.raises(VerificationError, match=slot.name), unchanged(model, tiny_batch("hubert"), [slot]):
        factorise(slot, torch.eye(32), 1.01 * slot.weight().detach())


@families
def test_right_cuts_pass_and_leave_no_hook(family: str) -> None:
    """Uneven cuts of both kinds pass, and the model is as bare as before."""
    model = tiny(family)
    low, high = anatomy_of(model).layers(model)

    cut_all(model, [head_cut(low, [3], [3]), head_cut(high, [0, 1], [0, 1])], "attention", context(model), refit=False)
    cut_all(model, [unit_cut(low, [5], [5]), unit_cut(high, [7], [7])], "feed_forward", context(model), refit=False)

    assert (low.attention.heads, high.attention.heads) == (1, 2)
    assert (low.feed_forward.units, high.feed_forward.units) == (1, 1)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
