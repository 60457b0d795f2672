"""What a job finds around it: folders, somebody to report to, and a clock."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jobs.compression.cache import Cache
from jobs.compression.technique import Progress
from jobs.profiling.latency import Quiet, quiet_as_it_is
from jobs.resuming import Resuming, StartingOver


class StageProgress(Protocol):
    """Hears how far a job is; raises ``CancelledError`` to stop it between two units of work."""

    def __call__(self, stage: str, step: int, steps: int, message: str = "") -> None:
        """Report that *step* of *steps* of *stage* is done."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a job reads and writes on the local disk.

    Attributes:
        source: the dense model.
        out: the artifact.
        data: what the steps may learn from.
        origin: where the source came from: its uri, revision and sha256.
        cache: keeps what is measured on the source with the data, for the next job on both; None keeps nothing.
        resuming: has what an earlier attempt left unfinished, and keeps what this one does.
        quiet: keeps the machine free of other jobs while something is timed.
        labelled: what probes judge by: from the URI of labelled data to where it lies.
    """

    source: Path
    out: Path
    data: Path | None = None
    origin: Mapping[str, str | None] = field(default_factory=dict)
    cache: Cache | None = None
    resuming: Resuming = field(default_factory=StartingOver)
    quiet: Quiet = quiet_as_it_is
    labelled: Mapping[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Clock:
    """How long each stage took [s]; one that is entered again goes on counting."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block in."""
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def of_stage(stage: str, progress: StageProgress) -> Progress:
    """Return *progress* for the parts of one stage: ``(done, total, note)``."""

    def report(done: int, total: int, note: str = "") -> None:
        progress(stage, done, total, note)

    return report
