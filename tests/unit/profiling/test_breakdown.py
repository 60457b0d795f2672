"""Where the figures of a model come from."""

import pytest
import torch
from transformers import PreTrainedModel

from jobs.contract.report import ModuleProfile
from jobs.profiling.breakdown import breakdown
from jobs.profiling.macs import count_macs
from tests.tiny import tiny, tiny_batch


def modules_of(model: PreTrainedModel, family: str) -> dict[str, ModuleProfile]:
    """Return the figures of the modules of *model* by their paths."""
    return {each.path: each for each in breakdown(model, [tiny_batch(family)], repeats=3)}


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
def test_the_whole_model_comes_first_and_its_parts_add_up(family: str) -> None:
    """The first is the model with all its MACs and parameters; those of each layer's maps are within the layer's."""
    model, batch = tiny(family), tiny_batch(family)

    whole, *parts = breakdown(model, [batch], repeats=1)

    assert (whole.path, whole.type) == ("", type(model).__name__)
    assert whole.params_total == model.num_parameters()
    assert whole.macs_executed == count_macs(model, batch).executed
    leaves = [each for each in parts if each.type in {"Linear", "Conv1d", "Conv2d", "ParametrizedConv1d"}]
    assert 0.5 * whole.macs_executed < sum(each.macs_executed for each in leaves) <= whole.macs_executed


def test_a_linear_map_multiplies_what_it_should() -> None:
    """A map of I inputs and O outputs has I × O MACs a token, and its parameters are its own."""
    batch = tiny_batch("bert")
    query = modules_of(tiny("bert"), "bert")["encoder.layer.0.attention.self.query"]

    config, tokens = tiny("bert").config, batch["input_ids"].numel()

    assert query.macs_executed == tokens * config.hidden_size**2
    assert query.params_total == config.hidden_size**2 + config.hidden_size


def test_zeros_are_told_apart() -> None:
    """Where half a map's weights are zero, half its products could be left out."""
    model = tiny("bert")
    down = model.encoder.layer[1].output.dense
    with torch.no_grad():
        down.weight[: len(down.weight) // 2] = 0

    found = modules_of(model, "bert")["encoder.layer.1.output.dense"]

    assert found.macs_theoretical * 2 == found.macs_executed


def test_a_shared_layer_is_told_once_with_all_its_uses() -> None:
    """ALBERT's one layer has the MACs of every time that it runs, and its parameters once."""
    model = tiny("albert")
    modules, config = modules_of(model, "albert"), model.config

    layer = modules["encoder.albert_layer_groups.0.albert_layers.0"]

    assert layer.params_total < 2 * modules["encoder"].params_total
    assert layer.macs_executed % config.num_hidden_layers == 0
    assert layer.macs_executed > 0.9 * modules["encoder"].macs_executed


def test_time_is_spent_in_modules() -> None:
    """A layer takes no longer than the model that it is in, and some time at all; no hook is left behind."""
    model = tiny("bert")

    modules = modules_of(model, "bert")

    assert 0 < modules["encoder.layer.0"].latency_ms < modules[""].latency_ms
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
