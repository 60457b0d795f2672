"""Budgets are met exactly as predicted."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.budget import steps_for
from jobs.compression.technique import Context, apply
from jobs.contract.errors import NothingChangedError, TargetUnreachableError
from jobs.contract.spec import Step, Target
from jobs.inputs import synthetic_batch, typical_input
from tests.tiny import tiny, tiny_batch

FRONT_END = {"hubert": {"conv_stride": (20, 16)}}
"""Strides like those of real models: the typical ten seconds give 499 positions."""


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def size(model: PreTrainedModel, anatomy: Anatomy, target: Target) -> int:
    """Return the size of *model* in the target's metric, counted and not predicted."""
    part = anatomy.encoder(model) if target.scope == "encoder" else model
    if target.metric == "params":
        return sum(parameter.numel() for parameter in part.parameters())
    if target.metric == "bytes":
        return sum(parameter.numel() * parameter.element_size() for parameter in part.parameters())
    spec = typical_input(anatomy.modality, model.config)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(**synthetic_batch(anatomy.modality, model.config, spec))
    path = f"{type(model).__name__}.{anatomy.family.layers}"
    counts = counter.get_flop_counts()
    flops = counter.get_total_flops() if target.scope == "model" else sum_below(counts, path)
    return flops // 2


def sum_below(counts: dict[str, dict[str, int]], path: str) -> int:
    """Return the FLOPs of the direct children of *path*."""
    depth = path.count(".") + 1
    return sum(
        sum(each.values()) for name, each in counts.items() if name.startswith(f"{path}.") and name.count(".") == depth
    )


def reach(family: str, target: Target) -> tuple[PreTrainedModel, Anatomy, tuple[Step, ...]]:
    """Return the model after the steps that the target asks for."""
    model = tiny(family, **FRONT_END.get(family, {}))
    anatomy = anatomy_of(model)
    steps = steps_for(target, model, anatomy)
    for step in steps:
        apply(step, model, Context(anatomy, None, torch.Generator(), silent, tiny_batch(model.config.model_type)))
    return model, anatomy, steps


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
@pytest.mark.parametrize(("metric", "scope"), [("params", "model"), ("params", "encoder"), ("bytes", "encoder")])
@pytest.mark.parametrize("ratio", [0.9, 0.8])
def test_a_ratio_is_met_within_one_unit(family: str, metric: str, scope: str, ratio: float) -> None:
    """The result is within the budget, and one more unit in every layer would not be."""
    target = Target(metric, ratio=ratio, scope=scope)  # type: ignore[arg-type]
    dense = tiny(family, **FRONT_END.get(family, {}))
    allowed = ratio * size(dense, anatomy_of(dense), target)

    model, anatomy, _ = reach(family, target)

    one_unit = 2 * (2 * 32 + 1) * (4 if metric == "bytes" else 1)
    assert allowed - one_unit < size(model, anatomy, target) <= allowed


@pytest.mark.parametrize("family", ["bert", "hubert", "vit"])
@pytest.mark.parametrize("scope", ["model", "encoder"])
def test_macs_are_met_as_counted(family: str, scope: str) -> None:
    """The MACs that an operation counter finds afterwards are within the budget, and close to it."""
    target = Target("macs", ratio=0.75, scope=scope)  # type: ignore[arg-type]
    dense = tiny(family, **FRONT_END.get(family, {}))
    before = size(dense, anatomy_of(dense), target)

    model, anatomy, _ = reach(family, target)

    assert 0.72 * before < size(model, anatomy, target) <= 0.75 * before


def test_heads_and_units_go_alike() -> None:
    """The shares of heads and units are as equal as whole heads allow."""
    _, _, steps = reach("bert", Target("params", ratio=0.5, scope="encoder"))

    heads, units = steps
    assert (heads.technique, units.technique) == ("head_pruning", "ffn_pruning")
    assert heads.params["heads_removed"] == 0.5
    assert units.params["units_removed"] == pytest.approx(0.5, abs=0.1)


def test_an_absolute_maximum() -> None:
    """A maximum is a number of parameters."""
    model, _, _ = reach("hubert", Target("params", max=20_000))

    assert 19_800 < model.num_parameters() <= 20_000


def test_a_compressed_model_is_budgeted_as_it_is() -> None:
    """Uneven heads and factorised maps are priced at what they hold now."""
    model = tiny("bert")
    anatomy = anatomy_of(model)
    context = Context(anatomy, None, torch.Generator(), silent, tiny_batch(model.config.model_type))
    apply(Step("head_pruning", {"heads_kept": 5, "scope": "global"}), model, context)
    apply(Step("low_rank", {"rank_ratio": 0.5, "modules": "feed_forward"}), model, context)
    target = Target("params", ratio=0.8, scope="encoder")
    allowed = 0.8 * size(model, anatomy, target)

    for step in steps_for(target, model, anatomy):
        apply(step, model, context)

    assert allowed - 4 * (32 + 1) < size(model, anatomy, target) <= allowed


def test_what_cannot_be_reached_is_said() -> None:
    """The message says how far it goes."""
    model = tiny("bert")

    with pytest.raises(
        TargetUnreachableError, match=r"can reach: \d+ params of the model \(0\.\d+ of it\) or more; got 10"
    ):
        steps_for(Target("params", max=10), model, anatomy_of(model))


def test_what_is_met_already_is_said() -> None:
    """A model within the budget is not compressed."""
    model = tiny("bert")

    with pytest.raises(NothingChangedError, match="within the"):
        steps_for(Target("params", ratio=1.0), model, anatomy_of(model))
