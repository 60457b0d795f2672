"""A job that was interrupted goes on after its last finished step, and ends with the same bits as one that was not."""

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jobs import pipeline
from jobs.contract.errors import CancelledError
from jobs.contract.report import Report
from jobs.contract.spec import CompressionSpec
from jobs.resuming import GoingOn
from tests.e2e.tiny_folders import write_data, write_model

HEADS = {"technique": "head_pruning", "heads_removed": 0.5, "score": "l1"}
UNITS = {"technique": "ffn_pruning", "units_removed": 0.5}
RANKS = {"technique": "low_rank", "rank_ratio": 0.6, "weighting": "activation"}
ZEROS = {"technique": "weight_pruning", "sparsity": 0.5, "criterion": "sparsegpt"}
FEWER = {"technique": "distillation", "layers_kept": 1, "steps": 4, "batch_size": 4, "checkpoint_every": 1}
ROUNDED = {"technique": "quantization", "dtype": "bfloat16"}
INPUTS: dict[str, dict[str, Any]] = {
    "bert": {"kind": "text", "tokens": 8},
    "hubert": {"kind": "audio", "seconds": 0.1},
    "vit": {"kind": "image"},
}


@dataclass
class FolderDepot:
    """Keeps folders in a folder."""

    place: Path
    is_due: bool = True
    urgent: bool = False

    def due(self) -> bool:
        """Return whether things are to be kept."""
        return self.is_due

    def keep(self, name: str, folder: Path) -> None:
        """Copy the files."""
        shutil.rmtree(self.place / name, ignore_errors=True)
        shutil.copytree(folder, self.place / name)

    def fetch(self, name: str, folder: Path) -> bool:
        """Copy them back."""
        if (self.place / name).exists():
            shutil.copytree(self.place / name, folder, dirs_exist_ok=True)
        return (self.place / name).exists()


@dataclass
class Listener:
    """Remembers the stages, and interrupts the job where it is told to."""

    stop_at: tuple[str, str, int] = ("", "", 0)

    def __post_init__(self) -> None:
        self.seen: list[str] = []
        self.told: Counter[tuple[str, str]] = Counter()

    def __call__(self, stage: str, step: int, steps: int, message: str = "") -> None:
        """Note the stage."""
        self.seen.append(stage)
        self.told[stage, message] += 1
        if (stage, message, self.told[stage, message]) == self.stop_at:
            raise CancelledError("Here it ends.")


def folders_for(tmp_path: Path, family: str) -> pipeline.Folders:
    """Return folders with a tiny model and data."""
    folders = pipeline.Folders(*(tmp_path / name for name in ("model", "out", "data")))
    write_model(family, folders.source)
    write_data(family, folders.data)
    return folders


def run(folders: pipeline.Folders, family: str, listener: Listener, **request: Any) -> Report:
    """Run a request on *folders*."""
    wanted = {
        "model": {"uri": "file:///model"},
        "data": {"uri": "file:///data"},
        "profile": {"inputs": [INPUTS[family]], "repeats": 1},
    }
    folders.out.mkdir()
    return pipeline.run(CompressionSpec.from_json(wanted | request), folders, listener)


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of an artifact that say nothing of how long it took."""
    told = {"README.md", "compression.json"}
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name not in told}


def resumed(
    tmp_path: Path, family: str, stop_at: tuple[str, str, int], **request: Any
) -> tuple[pipeline.Folders, Listener]:
    """Run a request straight, and in two attempts; return the folders of the last and what it did."""
    straight = folders_for(tmp_path, family)
    run(straight, family, Listener(), **request)
    depot = GoingOn(FolderDepot(tmp_path / "kept"), tmp_path, straight.source)
    kept, last = replace(straight, resuming=depot), Listener()
    with pytest.raises(CancelledError):
        run(replace(kept, out=tmp_path / "first"), family, Listener(stop_at), **request)
    again = replace(kept, out=tmp_path / "second")
    run(again, family, last, **request)
    return again, last


@pytest.mark.parametrize(
    ("family", "steps", "stop_at"),
    [
        ("bert", [HEADS, UNITS, RANKS, ZEROS], "low_rank"),
        ("hubert", [HEADS, RANKS, UNITS], "ffn_pruning"),
        pytest.param("bert", [RANKS, HEADS, ROUNDED], "head_pruning", marks=pytest.mark.slow),
        pytest.param("vit", [UNITS, ZEROS, HEADS], "head_pruning", marks=pytest.mark.slow),
        pytest.param("bert", [FEWER, ZEROS, UNITS], "weight_pruning", marks=pytest.mark.slow),
    ],
)
def test_resumed_is_straight_through(tmp_path: Path, family: str, steps: list[Any], stop_at: str) -> None:
    """Whatever was finished is not computed again, and every file of the artifact has the same bytes."""
    again, last = resumed(tmp_path, family, (stop_at, "", 1), steps=steps)

    done = [each["technique"] for each in steps].index(stop_at)
    assert not {each["technique"] for each in steps[:done]} & set(last.seen)
    assert files(again.out) == files(tmp_path / "out")


def test_learning_within_a_step_goes_on(tmp_path: Path) -> None:
    """A training that was interrupted is taken up where its snapshot was, after the steps before it."""
    again, last = resumed(tmp_path, "bert", ("distillation", "learning", 3), steps=[HEADS, FEWER])

    assert "head_pruning" not in last.seen
    assert last.told["distillation", "learning"] == 1
    assert files(again.out) == files(tmp_path / "out")


def test_a_target_is_not_sought_again(tmp_path: Path) -> None:
    """What was found for a target is kept like a step; recovery comes after it."""
    target = {"metric": "params", "ratio": 0.7, "scope": "encoder"}
    recovery = {"steps": 4, "batch_size": 4, "checkpoint_every": 2}
    again, last = resumed(tmp_path, "bert", ("recover", "learning", 3), target=target, recovery=recovery)

    assert "target" not in last.seen
    assert files(again.out) == files(tmp_path / "out")


def test_a_job_of_seconds_keeps_nothing(tmp_path: Path) -> None:
    """Where too little was done to be worth it, nothing is written."""
    folders = folders_for(tmp_path, "bert")
    depot = GoingOn(FolderDepot(tmp_path / "kept", is_due=False), tmp_path, folders.source)
    run(replace(folders, resuming=depot), "bert", Listener(), steps=[HEADS, UNITS])

    assert not (tmp_path / "kept").exists()


def test_a_spoilt_snapshot_is_not_learned_from(tmp_path: Path) -> None:
    """What came half, or with other bytes, is as good as not there, also where files of it were left."""

    class Spoilt(FolderDepot):
        """Brings files, and says that they are not what was kept."""

        def fetch(self, name: str, folder: Path) -> bool:
            """Leave something behind."""
            (folder / "snapshot.safetensors").write_bytes(b"half")
            return False

    assert GoingOn(Spoilt(tmp_path), tmp_path, tmp_path).training("recovery").load() is None


@pytest.mark.parametrize("reports", ["", '[{"technique": "low_rank"}]', '[{"notes": [], "colour": 1}]'])
def test_reports_of_another_release_are_not_used(tmp_path: Path, reports: str) -> None:
    """Steps whose reports another release wrote in another way are done again; the job does not fail for it."""
    kept = tmp_path / "kept" / "steps"
    kept.mkdir(parents=True)
    (kept / "steps.json").write_text(reports)

    assert GoingOn(FolderDepot(tmp_path / "kept"), tmp_path, tmp_path).latest() is None
