"""Unfinished work, kept: a job that is tried again goes on after the last step that was finished.

Pure: where things are kept is up to a ``Depot``. What comes back is equal to the bit to what was kept, so a job that
was interrupted ends with the same weights as one that was not.
"""

import json
import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeAlias

from transformers import PreTrainedModel

from jobs.checkpoint.reader import load_model
from jobs.checkpoint.writer import write_artifact
from jobs.compression.learning.checkpoints import Checkpoints, FileCheckpoints, Snapshot
from jobs.contract.report import StepReport

STEPS = "steps"
"""The name under which the model is kept as the steps so far have left it."""
log = logging.getLogger("modelpress.resuming")
_MODEL, _REPORTS, _SNAPSHOT = "model", "steps.json", "snapshot.safetensors"

Stepped: TypeAlias = tuple[PreTrainedModel, tuple[StepReport, ...]]
"""A model, and what the steps did that made it."""


class Depot(Protocol):
    """Keeps folders under names, for later attempts at the same job."""

    @property
    def urgent(self) -> bool:
        """Return whether the work is about to be interrupted."""

    def due(self) -> bool:
        """Return whether enough was done since anything was kept to be worth keeping."""

    def keep(self, name: str, folder: Path) -> None:
        """Keep the files in *folder* in the place of what was kept as *name*, all of them or none."""

    def fetch(self, name: str, folder: Path) -> bool:
        """Bring what is kept as *name* into the empty *folder*; return whether there was anything."""


class Resuming(Protocol):
    """What a job asks of its past, and leaves for its future."""

    def save(self, model: PreTrainedModel, reports: Sequence[StepReport]) -> None:
        """Keep *model* as the steps that *reports* tell of have left it, if enough was done to be worth it."""

    def latest(self) -> Stepped | None:
        """Return what an earlier attempt kept; None where nothing is."""

    def training(self, name: str) -> Checkpoints | None:
        """Return where the training *name* keeps snapshots; None for nowhere."""


class StartingOver:
    """Keeps nothing: every attempt begins at the beginning."""

    def save(self, model: PreTrainedModel, reports: Sequence[StepReport]) -> None:
        """Keep nothing."""

    def latest(self) -> None:
        """Return None."""

    def training(self, name: str) -> None:
        """Return None."""


@dataclass(frozen=True, slots=True)
class GoingOn:
    """Keeps a job's unfinished work in a depot.

    Attributes:
        depot: where.
        scratch: a local folder for what is on its way.
        source: the dense model's.
    """

    depot: Depot
    scratch: Path
    source: Path

    def save(self, model: PreTrainedModel, reports: Sequence[StepReport]) -> None:
        """Keep *model* as the steps that *reports* tell of have left it, if enough was done to be worth it."""
        if not self.depot.due():
            return
        with TemporaryDirectory(dir=self.scratch) as name:
            folder = Path(name)
            write_artifact(model, source=self.source, out=folder / _MODEL)
            (folder / _REPORTS).write_text(json.dumps([asdict(each) for each in reports]))
            self.depot.keep(STEPS, folder)

    def latest(self) -> Stepped | None:
        """Return what an earlier attempt kept; None where nothing is."""
        with TemporaryDirectory(dir=self.scratch) as name:
            folder = Path(name)
            if not self.depot.fetch(STEPS, folder):
                return None
            try:
                reports = _reports((folder / _REPORTS).read_text())
            except (ValueError, TypeError, KeyError) as error:
                log.warning("Starts over: another release has kept what it did in another way (%s).", error)
                return None
            model = deepcopy(load_model(folder / _MODEL))  # as steps find it: in memory of its own, not a mapped file
        return model, reports

    def training(self, name: str) -> Checkpoints:
        """Return where the training *name* keeps snapshots."""
        return _Snapshots(self, name)


@dataclass(frozen=True, slots=True)
class _Snapshots:
    """The snapshots of one training, in the depot of its job."""

    job: GoingOn
    name: str

    @property
    def urgent(self) -> bool:
        return self.job.depot.urgent

    def save(self, snapshot: Snapshot) -> None:
        if not self.job.depot.due():
            return
        with TemporaryDirectory(dir=self.job.scratch) as folder:
            FileCheckpoints(Path(folder) / _SNAPSHOT).save(snapshot)
            self.job.depot.keep(self.name, Path(folder))

    def load(self) -> Snapshot | None:
        with TemporaryDirectory(dir=self.job.scratch) as folder:
            found = self.job.depot.fetch(self.name, Path(folder))
            return FileCheckpoints(Path(folder) / _SNAPSHOT).load() if found else None


def _reports(text: str) -> tuple[StepReport, ...]:
    return tuple(StepReport(**{**each, "notes": tuple(each["notes"])}) for each in json.loads(text))
