"""A plan says what the compression will report, and leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from jobs import pipeline, planning
from jobs.contract.errors import DataRequiredError, InvalidRequestError, NothingChangedError, RankDoesNotPayError
from jobs.contract.report import PlanReport
from jobs.contract.spec import CompressionSpec
from tests.e2e.tiny_folders import write_model
from tests.tiny import tiny
from tests.unit.test_pipeline import HEADS, INPUTS, Json, Stages

DATA: Json = {"uri": "file:///data"}
UNITS: Json = {"technique": "ffn_pruning", "units_removed": 0.3, "scope": "global"}
LOW_RANK: Json = {"technique": "low_rank", "energy": 0.8}
ON_DATA: Json = {"technique": "low_rank", "rank_ratio": 0.6, "weighting": "activation"}
HALVES: Json = {"technique": "weight_pruning", "sparsity": 0.6}
STUDENT: Json = {"technique": "distillation", "layers_kept": 1, "steps": 2}
BFLOAT: Json = {"technique": "quantization", "dtype": "bfloat16"}
PROFILES: dict[str, Json] = {
    **{family: {"inputs": [given, given | {"batch_size": 2}], "repeats": 1} for family, given in INPUTS.items()},
    "vit": {"inputs": [{"kind": "image"}], "repeats": 1},
}


def slow(*values: Any) -> Any:
    """Return a case that only the whole run tries."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def folders(tmp_path: Path) -> pipeline.Folders:
    """Return empty folders for a model, its data and the result."""
    found = pipeline.Folders(tmp_path / "model", tmp_path / "out", tmp_path / "data")
    for folder in (found.source, found.out, found.data):
        assert folder is not None
        folder.mkdir()
    return found


def fill(folders: pipeline.Folders, family: str) -> None:
    """Write a tiny model and a little data for it."""
    assert folders.data is not None
    if family == "vit":
        tiny("vit").save_pretrained(folders.source)
        return
    write_model(family, folders.source)
    if family == "bert":
        (folders.data / "a.txt").write_text("\n".join(f"a quick fox {number} jumps" for number in range(40)))
    for number in range(4 if family == "hubert" else 0):
        noise = torch.randn(1600, generator=torch.Generator().manual_seed(number)) / 10
        soundfile.write(folders.data / f"{number}.wav", noise.numpy(), 16_000)


def spec(family: str, **request: Any) -> CompressionSpec:
    """Return a request."""
    return CompressionSpec.from_json({"model": {"uri": "file:///model"}, "profile": PROFILES[family], **request})


def figures(profile: Any) -> Any:
    """Return what a plan and a report both say of one model."""
    inputs = [(each.input, each.macs_executed, dict(each.uncounted_ops)) for each in profile.inputs]
    return profile.params_total, profile.params_encoder, profile.bytes_stored, inputs


def planned(folders: pipeline.Folders, asked: CompressionSpec) -> PlanReport:
    """Return the plan, having looked that nothing of it stays on the disk."""
    plan = planning.run(asked, folders, Stages())
    assert list(folders.out.iterdir()) == []
    return plan


@pytest.mark.parametrize(
    ("family", "request_"),
    [
        ("bert", {"steps": [HEADS, UNITS, LOW_RANK, HALVES]}),
        slow("bert", {"steps": [UNITS, STUDENT, BFLOAT], "data": DATA, "recovery": {"steps": 2}}),
        slow("bert", {"steps": [HALVES], "output": {"storage": "bitmask"}}),
        ("bert", {"target": {"metric": "macs", "ratio": 0.7}, "data": DATA}),
        ("hubert", {"steps": [HEADS | {"scope": "global"}, UNITS], "data": DATA}),
        ("vit", {"target": {"metric": "macs", "ratio": 0.6, "scope": "encoder"}}),
        slow("bert", {"steps": [HEADS, ON_DATA], "data": DATA}),
        slow("bert", {"target": {"metric": "params", "ratio": 0.6, "scope": "encoder"}}),
        slow("bert", {"target": {"metric": "bytes", "ratio": 0.8}, "data": DATA}),
        slow("hubert", {"target": {"metric": "params", "ratio": 0.7, "scope": "encoder"}, "data": DATA}),
        slow("vit", {"steps": [HEADS, LOW_RANK]}),
    ],
)
def test_a_plan_is_what_the_compression_reports(folders: pipeline.Folders, family: str, request_: Json) -> None:
    """Every figure, dense and compressed, is the same integer; so are the amounts of every step, and the door."""
    fill(folders, family)
    asked = spec(family, **request_)

    plan, report = planned(folders, asked), pipeline.run(asked, folders, Stages())

    assert plan.exact
    assert plan.warnings == ()
    assert plan.door == report.door
    assert figures(plan.dense) == figures(report.dense)
    assert figures(plan.compressed) == figures(report.compressed) != figures(report.dense)
    assert [(each.technique, each.requested) for each in plan.steps] == [
        (each.technique, each.requested) for each in report.steps
    ]
    for before, after in zip(plan.steps, report.steps, strict=True):
        assert dict(before.achieved).items() <= dict(after.achieved).items()


def test_training_that_later_steps_go_by_is_a_doubt(folders: pipeline.Folders) -> None:
    """A plan trains nothing; where a later step could choose otherwise after training, it says that it is not exact."""
    fill(folders, "bert")
    plan = planned(folders, spec("bert", steps=[STUDENT, UNITS], data=DATA))

    assert (plan.exact, plan.warnings) == (False, (planning.UNTRAINED,))
    assert plan.steps[0].requested == {"layers_kept": 1, "steps": 2}


def test_a_target_in_latency_is_a_doubt() -> None:
    """Times differ from run to run, and what they choose with them."""
    asked = spec("bert", target={"metric": "latency", "ratio": 0.7}, data=DATA)

    assert list(planning.doubts(asked, (), ())) == [planning.MEASURED]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"steps": [STUDENT]}, DataRequiredError),
        ({"steps": [HEADS], "recovery": {"steps": 5}}, DataRequiredError),
        ({"steps": [HALVES | {"schedule": [0.9]}], "data": DATA}, InvalidRequestError),
        ({"steps": [{"technique": "low_rank", "rank": 1000}]}, RankDoesNotPayError),
        ({"target": {"metric": "params", "ratio": 1.0}}, NothingChangedError),
    ],
)
def test_what_the_compression_refuses_the_plan_refuses(
    folders: pipeline.Folders, request_: Json, error: type[Exception]
) -> None:
    """A plan that succeeds is no promise of something that cannot be asked for, training included."""
    fill(folders, "bert")

    with pytest.raises(error):
        planning.run(spec("bert", **request_), folders, Stages())
    with pytest.raises(error):
        pipeline.run(spec("bert", **request_), folders, Stages())
