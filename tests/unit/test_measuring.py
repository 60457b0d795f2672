"""A model measured as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs import measuring, pipeline
from jobs.contract.errors import CorruptCheckpointError, InvalidRequestError
from jobs.contract.report import ModuleProfile, ProfileReport
from jobs.contract.spec import CompressionSpec
from jobs.profiling.breakdown import breakdown
from tests.tiny import tiny
from tests.unit.test_pipeline import Stages


def profiled(source: Path, stages: Stages | None = None, **profile: Any) -> ProfileReport:
    """Return the figures of the model in *source*."""
    request = {"model": {"uri": "file:///model"}, "profile": {"repeats": 1, **profile}}
    folders = pipeline.Folders(source, source / "out", origin={"uri": "file:///model"})
    return measuring.run(CompressionSpec.from_json(request), folders, stages or Stages())


def test_a_model_has_its_figures_and_those_of_its_modules(tmp_path: Path) -> None:
    """Sizes, MACs and times are of the model; modules are measured on the first input; each stage is told."""
    model, stages = tiny("bert"), Stages()
    model.save_pretrained(tmp_path)

    report = profiled(tmp_path, stages, inputs=[{"kind": "text", "tokens": tokens} for tokens in (8, 16)])

    assert report.model == {"uri": "file:///model", "architecture": "BertModel", "model_type": "bert"}
    assert report.profile.params_total == model.num_parameters()
    assert report.profile.bytes_stored > 4 * model.num_parameters()
    short, long = report.profile.inputs
    assert long.macs_executed > 2 * short.macs_executed
    assert short.latency_ms is not None
    assert report.modules[0].macs_executed == short.macs_executed
    assert list(dict.fromkeys(stages.seen)) == ["load", "profile", "breakdown"]
    assert set(report.seconds) == {"load", "evaluate", "profile", "breakdown"}
    assert not (tmp_path / "out").exists()


def test_modules_are_timed_as_the_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules too are timed with the threads asked for, on a machine kept quiet; where it is not, that is said."""
    tiny("bert").save_pretrained(tmp_path)
    quiet: list[str] = []
    heard: list[tuple[int, list[str]]] = []

    @contextmanager
    def never_alone() -> Iterator[bool]:
        quiet.append("measuring")
        yield False
        quiet.pop()

    def listening(*arguments: Any, **named: Any) -> tuple[ModuleProfile, ...]:
        heard.append((torch.get_num_threads(), list(quiet)))
        return breakdown(*arguments, **named)

    monkeypatch.setattr(measuring, "breakdown", listening)
    request = {"model": {"uri": "file:///model"}, "profile": {"repeats": 1, "threads": 2}}
    folders = pipeline.Folders(tmp_path, tmp_path / "out", quiet=never_alone)

    report = measuring.run(CompressionSpec.from_json(request), folders, Stages())

    assert heard == [(2, ["measuring"])]
    assert [warning.split(":")[0] for warning in report.warnings] == [
        "Other jobs computed on the machine while times were taken"
    ]


def test_what_is_not_timed_has_no_times(tmp_path: Path) -> None:
    """An input that is only to be counted has no latency, nor have the modules where it is the first."""
    tiny("bert").save_pretrained(tmp_path)

    report = profiled(tmp_path, inputs=[{"kind": "text", "tokens": 8, "timed": False}])

    assert report.profile.inputs[0].latency_ms is None
    assert {module.latency_ms for module in report.modules} == {None}
    assert report.modules[0].macs_executed == report.profile.inputs[0].macs_executed > 0


def test_a_compressed_model_is_a_model_too(tmp_path: Path) -> None:
    """What a compression wrote is measured like any other, at the size that its report says."""
    tiny("bert").save_pretrained(tmp_path / "model")
    (tmp_path / "out").mkdir()
    request = {
        "model": {"uri": "file:///model"},
        "steps": [{"technique": "head_pruning", "heads_removed": 0.5}],
        "profile": {"inputs": [{"kind": "text", "tokens": 8}], "repeats": 1},
    }
    compressed = pipeline.run(
        CompressionSpec.from_json(request), pipeline.Folders(tmp_path / "model", tmp_path / "out"), Stages()
    ).compressed

    found = profiled(tmp_path / "out", inputs=[{"kind": "text", "tokens": 8}]).profile

    assert found.params_total == compressed.params_total
    assert found.bytes_stored == compressed.bytes_stored
    assert found.inputs[0].macs_executed == compressed.inputs[0].macs_executed


def test_what_cannot_be_measured_is_refused_before_it_is(tmp_path: Path) -> None:
    """An input that the model cannot take ends the job while it loads; so do weights that are no numbers."""
    model = tiny("bert")
    model.save_pretrained(tmp_path / "good")
    model.pooler.dense.weight.data[0, 0] = float("nan")
    model.save_pretrained(tmp_path / "bad")

    with pytest.raises(InvalidRequestError, match="at most 40 tokens"):
        profiled(tmp_path / "good", inputs=[{"kind": "text", "tokens": 41}])
    with pytest.raises(CorruptCheckpointError, match="NaN"):
        profiled(tmp_path / "bad")
