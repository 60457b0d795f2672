"""A speech model at several sizes by several techniques, each judged by probes as a job of the service judges it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.quality.conditions import conditions
from jobs.contract.probes import labelled
from jobs.contract.quality import Score
from jobs.contract.spec import CompressionSpec
from jobs.profiling.size import count_parameters
from jobs.stages import Stages
from jobs.workplace import Folders

Json = dict[str, Any]
DATA = "file:///data"
REMOVED = (0.25, 0.5, 0.75)
"""Shares of what each technique removes."""


def steps(depth: int, shares: Sequence[float], *, refit: bool) -> Mapping[str, Sequence[Json]]:
    """Return what is done to a model of *depth* layers, by technique: a step for each of the *shares* that go.

    Without *refit* what is left stays as it was: parts go by the size of their weights, and matrices by plain SVD.
    """
    cut: Json = {} if refit else {"score": "l1", "reconstruct": False}
    weighting = "activation" if refit else "none"
    return {
        "ffn_pruning": [{"technique": "ffn_pruning", "units_removed": removed, **cut} for removed in shares],
        "head_pruning": [{"technique": "head_pruning", "heads_removed": removed, **cut} for removed in shares],
        "low_rank": [
            {"technique": "low_rank", "rank_ratio": 1 - removed, "weighting": weighting} for removed in shares
        ],
        "fewer_layers": [
            {"technique": "distillation", "layers_kept": round(depth * (1 - removed)), "steps": 0} for removed in shares
        ],
    }


@dataclass(frozen=True, slots=True)
class Judged:
    """A model and data to judge it by.

    Attributes:
        model: the folder of the dense one.
        data: recordings with a table of labels.
        probes: as in a request.
        calibration: recordings that a technique may learn from, at most; it sees no label.
        removed: the shares that each technique removes.
        refit: whether what is left is fitted, in closed form, to make up for what goes.
    """

    model: Path
    data: Path
    probes: Sequence[Json]
    calibration: int = 256
    removed: Sequence[float] = REMOVED
    refit: bool = True

    def rows(self) -> Iterator[Json]:
        """Yield a row for the dense model and for each technique and share, as soon as it is measured."""
        torch.set_num_threads(1)
        yield self.row("dense", 0.0, None)
        depth = self.stages(None).dense.config.num_hidden_layers
        for technique, amounts in steps(depth, self.removed, refit=self.refit).items():
            for removed, step in zip(self.removed, amounts, strict=True):
                yield self.row(technique, removed, step)

    def row(self, technique: str, removed: float, step: Json | None) -> Json:
        """Return what the probes find of the model after *step*, and what is left of its encoder."""
        job = self.stages(step)
        probes, model = job.probes(), job.dense
        if step is not None:
            model, _ = job.compress(job.steps()[0])
        sizes = [count_parameters(job.anatomy.encoder(each)) for each in (job.dense, model)]
        names = [f"{each.label}" for each in labelled(job.spec.evaluate)]
        scores = zip(names, job.scores(model, probes), strict=True)
        found = {name: _rounded(score) for name, score in scores}
        return {"technique": technique, "removed": removed, "encoder_left": round(sizes[1] / sizes[0], 4), **found}

    def stages(self, step: Json | None) -> Stages:
        """Return a job of the service at work on *step*, or on nothing."""
        request = {
            "model": {"uri": "file:///model"},
            "steps": [step] if step else [],
            **({"data": {"uri": DATA, "samples": self.calibration}} if self.refit else {}),
            "evaluate": list(self.probes),
        }
        with TemporaryDirectory() as out:
            folders = Folders(self.model, Path(out), self.data, labelled={DATA: self.data})
            return Stages.load(CompressionSpec.from_json(request), folders, lambda *_, **__: None)

    def said(self) -> Json:
        """Return what the rows have in common."""
        files = sorted(each for each in self.data.rglob("*") if each.is_file())
        table = sha256(b"".join(sha256(each.read_bytes()).digest() for each in files)).hexdigest()
        model = sha256((self.model / "model.safetensors").read_bytes()).hexdigest()
        return {
            "model": {"name": self.model.name, "sha256": model},
            "data": {"name": self.data.name, "sha256": table, "calibration": self.calibration},
            "probes": list(self.probes),
            "refit": self.refit,
            **conditions(),
        }


def _rounded(score: Score) -> Json:
    return {name: round(value, 4) for name, value in asdict(score).items()}
