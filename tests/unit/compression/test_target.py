"""With data, a target is met where it hurts least."""

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from jobs.compression.anatomy import anatomy_of
from jobs.compression.target import allocation_for, reach
from jobs.compression.technique import Context, Outcome, apply
from jobs.contract.errors import CancelledError, DataRequiredError, NothingChangedError, TargetUnreachableError
from jobs.contract.spec import Step, Target
from tests.tiny import tiny, tiny_batch, tiny_batches
from tests.unit.compression.test_budget import size


def context(model: PreTrainedModel, *, data: bool = True, progress: Any = lambda done, total, note="": None) -> Context:
    """Return what a job would give."""
    kind = model.config.model_type
    batches = tiny_batches(kind, 8) if data else None
    return Context(anatomy_of(model), batches, torch.Generator().manual_seed(0), progress, tiny_batch(kind))


def run(model: PreTrainedModel, target: Target) -> Outcome:
    """Bring *model* to *target*."""
    return reach(target, model, context(model))


@pytest.mark.parametrize("family", ["bert", "vit"])
@pytest.mark.parametrize(("metric", "scope"), [("macs", "model"), ("macs", "encoder"), ("bytes", "encoder")])
def test_every_metric_is_predicted_to_the_unit(family: str, metric: str, scope: str) -> None:
    """What the plan says is what is counted afterwards, within the budget and near it."""
    target = Target(metric, ratio=0.7, scope=scope)  # type: ignore[arg-type]
    model = tiny(family)
    before = size(model, anatomy_of(model), target)

    outcome = run(model, target)

    after = size(outcome.model, anatomy_of(outcome.model), target)
    assert outcome.achieved["predicted"] == outcome.achieved["achieved"] == after
    assert 0.69 * before < after <= 0.7 * before


def test_bytes_of_a_file_stay_below_the_maximum() -> None:
    """What the names of the tensors take is counted in."""
    model = tiny("bert")

    outcome = run(model, Target("bytes", max=70_000))

    assert sum(each.numel() * 4 for each in outcome.model.parameters()) < 70_000


def test_a_plan_leaves_the_model_as_it_is() -> None:
    """What would be removed is known before anything is."""
    model = tiny("bert")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    planned = allocation_for(Target("params", ratio=0.6, scope="encoder"), model, context(model))

    assert planned.predicted <= 0.6 * sum(each.numel() for each in model.encoder.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_parts_that_say_nothing_go_first() -> None:
    """A layer whose units are dead loses them, and the other keeps more of its own."""
    model = tiny("bert")
    with torch.no_grad():
        model.encoder.layer[0].output.dense.weight[:, 8:] = 0

    achieved = run(model, Target("params", ratio=0.8, scope="encoder")).achieved

    assert achieved["units_by_layer"][0] <= 8 < achieved["units_by_layer"][1]


def test_a_layer_that_says_nothing_gives_what_it_has() -> None:
    """Zeros everywhere in a layer are no reason to fail: it keeps the least."""
    model = tiny("bert")
    with torch.no_grad():
        for parameter in model.encoder.layer[1].parameters():
            parameter.zero_()

    achieved = run(model, Target("params", ratio=0.6, scope="encoder")).achieved

    assert achieved["units_by_layer"][1] < achieved["units_by_layer"][0]
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_what_was_compressed_before_can_be_compressed_again() -> None:
    """Factorised maps are priced as they are, and never factorised twice."""
    model = tiny("bert")
    apply(Step("low_rank", {"rank_ratio": 0.5}), model, context(model))
    target = Target("params", ratio=0.8, scope="encoder")
    before = size(model, anatomy_of(model), target)

    outcome = run(model, target)

    assert outcome.achieved["ranks"] == {}
    assert size(outcome.model, anatomy_of(model), target) == outcome.achieved["predicted"] <= 0.8 * before


def test_what_cannot_be_met_is_said() -> None:
    """Too small, small already, no data: each has its own error."""
    model = tiny("bert")

    with pytest.raises(TargetUnreachableError, match=r"can reach: \d+ params of the model .* or more; got 10"):
        run(model, Target("params", max=10))
    with pytest.raises(NothingChangedError, match="within the"):
        run(model, Target("params", ratio=1.0))
    with pytest.raises(DataRequiredError):
        reach(Target("params", ratio=0.5), model, context(model, data=False))


def test_it_can_be_cancelled_and_says_how_far_it_is() -> None:
    """Progress rises to its total; whoever hears it may stop it."""
    heard: list[tuple[int, int]] = []
    model = tiny("bert")
    reach(
        Target("params", ratio=0.5),
        model,
        context(model, progress=lambda done, total, note="": heard.append((done, total))),
    )

    def stop(done: int, total: int, note: str = "") -> None:
        raise CancelledError("Stopped.")

    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1]
    with pytest.raises(CancelledError):
        reach(Target("params", ratio=0.5), tiny("bert"), context(tiny("bert"), progress=stop))


def test_latency_is_measured_and_the_report_says_so() -> None:
    """Wide pairs lose units until the layers are predicted to be as fast as was asked; figures are microseconds."""
    model = tiny("bert", intermediate_size=1024)

    outcome = run(model, Target("latency", ratio=0.9, scope="encoder"))

    assert min(outcome.achieved["units_by_layer"]) < 1024
    assert outcome.achieved["predicted"] > 0
    assert any("measured on this machine" in note for note in outcome.notes)
