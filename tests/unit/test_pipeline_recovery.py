"""Recovery within a whole job: judged on data of its own, with a control beside it, and resumed where asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from jobs import pipeline
from jobs.checkpoint.reader import load_model
from jobs.compression.learning.checkpoints import FileCheckpoints
from jobs.contract.report import Report
from jobs.contract.spec import CompressionSpec
from jobs.resuming import StartingOver
from tests.e2e.tiny_folders import write_model


class Kept(StartingOver):
    """Keeps the snapshots of trainings in files, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def training(self, name: str) -> FileCheckpoints:
        """Return the file of one training."""
        return FileCheckpoints(self._folder / name)


RECOVERY = {"steps": 4, "batch_size": 8, "checkpoint_every": 2, "control": True}


def run(folders: pipeline.Folders) -> tuple[Report, list[str]]:
    """Cut heads of a tiny BERT, recover it, and return the report and the stages."""
    request: dict[str, Any] = {
        "model": {"uri": "file:///model"},
        "steps": [{"technique": "head_pruning", "heads_removed": 0.5, "score": "l1"}],
        "data": {"uri": "file:///data"},
        "recovery": RECOVERY,
        "profile": {"inputs": [{"kind": "text", "tokens": 8}], "repeats": 1},
    }
    seen: list[str] = []
    report = pipeline.run(CompressionSpec.from_json(request), folders, lambda stage, *_: seen.append(stage))
    return report, seen


def test_recovery_is_controlled_and_resumed(tmp_path: Path) -> None:
    """The control is reported beside the result, and a second attempt goes on where the first one's snapshot ended."""
    first = pipeline.Folders(
        *(tmp_path / name for name in ("model", "out", "data")),
        resuming=Kept(tmp_path / "kept"),
    )
    for folder in (first.source, first.data):
        assert folder is not None
        folder.mkdir()
    write_model("bert", first.source)
    (tmp_path / "data" / "a.txt").write_text("\n".join(f"fox number {number} jumps" for number in range(160)))
    report, stages = run(first)
    resumed, _ = run(replace(first, out=tmp_path / "again"))

    assert report.fidelity.samples == 16
    assert report.fidelity_control is not None
    assert report.fidelity_control.cosine > max(report.fidelity.cosine, 0.99)
    assert "control" in stages
    assert stages.count("evaluate") == 3  # before, control, after
    assert report.fidelity_before_recovery is not None
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"recovery", "control"}
    assert any("went on after 4 steps" in warning for warning in resumed.warnings)
    straight, again = (load_model(folder).state_dict() for folder in (tmp_path / "out", tmp_path / "again"))
    assert all(torch.equal(again[name], value) for name, value in straight.items())
