"""Fused and transposed maps open into plain ones and close again, with nothing lost on the way."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from jobs.checkpoint.modelpress_layers import FactorisedLinear, FusedLinear
from jobs.checkpoint.plan import plan_of
from jobs.compression.anatomy import anatomy_of
from jobs.compression.factoring import factors, spectrum
from jobs.compression.opening import OpenedLinear
from jobs.compression.surgery import factorise
from tests.tiny import tiny, tiny_batch

families = pytest.mark.parametrize("family", ["gpt2", "modernbert"])
FUSED = {"gpt2": "h.0.attn.c_attn", "modernbert": "layers.0.attn.Wqkv"}


def output(model: PreTrainedModel) -> Tensor:
    """Return the last hidden states of one batch."""
    with torch.no_grad():
        return model(**tiny_batch(model.config.model_type)).last_hidden_state


def factorise_key(model: PreTrainedModel, rank: int) -> None:
    """Store the first layer's key as two factors."""
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        slot = anatomy.layers(model)[0].attention.key
        factorise(slot, *factors(spectrum(slot.weight().detach()), rank))


@families
def test_an_open_model_gives_the_same_and_closes_to_the_bit(family: str) -> None:
    """Open, every map is a Linear of its own; closed, modules, weights, flags and modes are as they were."""
    model = tiny(family)
    model.get_submodule(FUSED[family]).requires_grad_(requires_grad=False)
    before, kinds = deepcopy(model.state_dict()), [type(module) for module in model.modules()]
    flags, expected, anatomy = [each.requires_grad for each in model.parameters()], output(model), anatomy_of(model)

    with anatomy.opened(model):
        found = output(model)
        assert all(type(slot.linear) is nn.Linear for layer in anatomy.layers(model) for slot in layer.slots)
        assert not anatomy.layers(model)[0].attention.value.linear.weight.requires_grad

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert [type(module) for module in model.modules()] == kinds
    assert [each.requires_grad for each in model.parameters()] == flags
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def fail_within(model: PreTrainedModel, path: str) -> None:
    """Open *model* twice, look at the fused map at *path*, and fail."""
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        with anatomy.opened(model):
            assert not model.config.use_cache
        assert isinstance(model.get_submodule(path), OpenedLinear)
        raise ZeroDivisionError


@families
def test_what_is_open_stays_so_within(family: str) -> None:
    """Opened twice, a model closes when the outer block ends, even by an error; its cache is off within."""
    model = tiny(family)
    model.config.use_cache = True

    with pytest.raises(ZeroDivisionError):
        fail_within(model, FUSED[family])

    assert isinstance(model.get_submodule(FUSED[family]), nn.Linear | Conv1D)
    assert model.config.use_cache


@families
def test_a_fused_map_with_factors_gives_what_its_parts_give(family: str) -> None:
    """With one part stored as two factors the map stays fused, says so in the plan, and opens into the same parts."""
    model = tiny(family)
    factorise_key(model, 5)
    fused, anatomy, expected = model.get_submodule(FUSED[family]), anatomy_of(model), output(model)

    (change,) = plan_of(model).modules
    with anatomy.opened(model):
        attention = anatomy.layers(model)[0].attention
        kinds = [type(slot.linear) for slot in attention.inward]
        found = output(model)

    assert isinstance(fused, FusedLinear)
    assert (change.kind, change.parts, change.bias) == ("fused", ((32, None), (32, 5), (32, None)), family == "gpt2")
    assert fused.weight.shape == (32 + 5 + 32, 32)
    assert kinds == [nn.Linear, FactorisedLinear, nn.Linear]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_full_rank_factors_of_a_part_change_nothing() -> None:
    """At full rank a fused map with factors is the map that it was."""
    model = tiny("gpt2")
    expected = output(model)

    factorise_key(model, 32)

    torch.testing.assert_close(output(model), expected, rtol=0, atol=1e-5)
