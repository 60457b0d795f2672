"""What a worker watches of the child that does its job: the lease, the time, the memory and the disk that it takes."""

import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobs.contract.errors import LimitExceededError, ModelPressError
from jobs.contract.state import JobState
from jobs.settings import WorkerSettings
from jobs.state.failures import AttemptLostError, HandedOverError

OVERTIME_S = 10
"""How long a child may ignore the end of its time before it is killed."""
_MACHINE_SHARE = 0.9
"""Of the memory of the machine or container, that a job may take where nobody said how much."""
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_GROUP, _RESIDENT = 2, 21
"""Fields of ``/proc/{pid}/stat`` behind the name: the process group, and the resident pages."""
log = logging.getLogger("modelpress.watching")


@dataclass(slots=True)
class Watch:
    """What has been seen of one child.

    Attributes:
        settings: say how much it may take.
        folder: what it may write in.
        group: its process group, which whatever it starts belongs to.
    """

    settings: WorkerSettings
    folder: Path
    group: int = 0
    began: float = field(default_factory=time.monotonic)
    held: bool = False
    missed: int = 0
    cancelling_since: float | None = None

    def see(self, state: JobState | None) -> None:
        """Take note of the job's state; None when the lease is not ours (yet, or any more)."""
        self.missed = 0 if state is not None else self.missed + 1
        self.held = self.held or state is not None
        if state is JobState.CANCELLING and self.cancelling_since is None:
            self.cancelling_since = time.monotonic()

    @property
    def lost(self) -> bool:
        """Return whether the lease was ours and is no longer, twice in a row: a child that ends needs a moment."""
        return self.held and self.missed > 1

    def reason_to_end(self, timeout_s: float, told_to_stop: float | None) -> ModelPressError | None:
        """Return why the child must not go on; None while it may.

        Args:
            timeout_s: how long the attempt may take [s].
            told_to_stop: since when the worker itself is to end, by the monotonic clock.
        """
        now = time.monotonic()
        if now - self.began > timeout_s + OVERTIME_S:
            return AttemptLostError("The attempt went on after its time was over.")
        if self.cancelling_since is not None and now - self.cancelling_since > self.settings.cancel_grace_s:
            return AttemptLostError("The job was cancelled.")
        if told_to_stop is not None and now - told_to_stop > self.settings.stop_grace_s:
            return HandedOverError("The worker of the attempt had to stop.")
        if self.lost:
            return AttemptLostError("Another attempt owns the job.")
        return self._too_large()

    def _too_large(self) -> LimitExceededError | None:
        taken, most = resident_bytes(self.group), self.settings.memory_bytes_max or _machine_bytes()
        if most and taken > most:
            return LimitExceededError(
                f"The job took {taken} bytes of memory, and a worker has {most} for it; use a smaller model, fewer "
                "samples or smaller batches, or ask the operator."
            )
        taken, most = folder_bytes(self.folder), self.settings.disk_bytes_max
        if most and taken > most:
            return LimitExceededError(
                f"The job took {taken} bytes of disk, and a worker has {most} for it; use a smaller model or less "
                "data, or ask the operator."
            )
        return None


def resident_bytes(group: int) -> int:
    """Return how much memory the processes of *group* hold, what they share with others included; 0 if unknown."""
    pages = (each[_RESIDENT] for each in map(_fields, Path("/proc").glob("[0-9]*/stat")) if each[_GROUP] == group)
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") if group else 0


def folder_bytes(folder: Path) -> int:
    """Return how much disk the files below *folder* take; those that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def _fields(stat: Path) -> dict[int, int]:
    """Return the two fields of a process; zeros where it has ended."""
    try:
        found = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return {_GROUP: 0, _RESIDENT: 0}
    return {place: int(found[place]) for place in (_GROUP, _RESIDENT)}


def _machine_bytes() -> int:
    """Return how much memory a job may take where nobody said; 0 if that cannot be known."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        limit = _CONTAINER_LIMIT.read_text().strip() if _CONTAINER_LIMIT.exists() else "max"
    except (OSError, ValueError):
        return 0
    return int(min(machine, machine if limit == "max" else int(limit)) * _MACHINE_SHARE)
