"""Keeps the programs of a state folder running: ``python -m deploy.embedded.supervisor FOLDER [OWNER]``.

A program that ends is started again at once, and ever more slowly if it keeps ending. With OWNER, a process id, the
supervisor stops everything when that process is gone, however it ended.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.processes import Processes, start_time

NAME = "supervisor"
LOOK_EVERY_S = 0.5
FORGIVEN_AFTER_S = 60.0
LONGEST_PAUSE_S = 30.0


@dataclass
class Patience:
    """When each program may be started again: the pauses double until one start has lasted a minute."""

    _pause_s: dict[str, float] = field(default_factory=dict)
    _started_at: dict[str, float] = field(default_factory=dict)

    def may_start(self, name: str, now: float) -> bool:
        """Return whether *name* has waited long enough at time *now* [s], and count the start if so."""
        since_start_s = now - self._started_at.get(name, float("-inf"))
        pause_s = 0.0 if since_start_s >= FORGIVEN_AFTER_S else self._pause_s[name]
        if since_start_s < pause_s:
            return False
        self._started_at[name] = now
        self._pause_s[name] = min(max(2 * pause_s, LOOK_EVERY_S), LONGEST_PAUSE_S)
        return True


def supervise(processes: Processes, owner: int | None) -> None:
    """Watch until the owner is gone; without an owner, until killed."""
    born = start_time(owner) if owner else None
    patience = Patience()
    while owner is None or (born is not None and start_time(owner) == born):
        _revive(processes, patience)
        time.sleep(LOOK_EVERY_S)
    names = [record.program.name for record in processes.records() if record.program.name != NAME]
    processes.stop(*reversed(names))


def _revive(processes: Processes, patience: Patience) -> None:
    for record in processes.records():
        name = record.program.name
        if not record.alive and patience.may_start(name, time.monotonic()):
            print(f"{name} (process {record.pid}) ended: starting it again", flush=True)
            processes.start(record.program)


if __name__ == "__main__":
    supervise(Processes(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else None)  # noqa: PLR2004
