"""Quiet on a machine while it measures: whoever computes shares the machine, whoever measures has it alone.

All workers of a machine share a folder with two locks. Computing holds ``room`` shared, measuring exclusively. Who
measures also holds ``door`` while waiting, and whoever begins to compute goes through ``door`` first: so measurements
are not put off by ever new jobs, and jobs under way step outside where it suits them (``make_way``). The locks are
``flock``'s, which end with the process that holds them, however it ends.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LOCKS = f"modelpress-locks-{os.getuid()}"
"""The folder's name, where workers keep what is temporary; it stays when they go."""

POLL_S = 0.05
log = logging.getLogger("modelpress.quiet")


@dataclass(slots=True)
class Machine:
    """This machine, as one job sees it.

    Attributes:
        folder: of the locks, the same for all workers of the machine.
        patience_s: longest wait for the others before a measurement goes ahead all the same [s].
    """

    folder: Path
    patience_s: float
    _room: int | None = field(default=None, init=False)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Run the block beside others that compute, but not while anybody measures."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def make_way(self) -> None:
        """Let those measure who wait for it, and go on after them; at once where nobody waits."""
        if self._room is None or self._nobody_waits():
            return
        log.info("Making way for a measurement.")
        self._leave()
        self._enter()

    @contextmanager
    def measuring(self) -> Iterator[bool]:
        """Run the block while nobody else computes or measures; gives False where patience ended before that."""
        was_computing = self._room is not None
        self._leave()
        try:
            with self._alone() as alone:
                yield alone
        finally:
            if was_computing:
                self._enter()

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        deadline = time.monotonic() + self.patience_s
        with self._opened("door") as door, self._opened("room") as room:
            yield _taken(door, deadline) and _taken(room, deadline)

    def _enter(self) -> None:
        with self._opened("door") as door:
            fcntl.flock(door, fcntl.LOCK_SH)
            self._room = self._open("room")
            fcntl.flock(self._room, fcntl.LOCK_SH)

    def _leave(self) -> None:
        if self._room is not None:
            os.close(self._room)
            self._room = None

    def _nobody_waits(self) -> bool:
        with self._opened("door") as door:
            return _free(door, fcntl.LOCK_SH)

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        """Give a lock's file; what is held of it ends with the block."""
        descriptor = self._open(name)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        return os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _taken(lock: int, deadline: float) -> bool:
    """Return whether *lock* could be had alone before *deadline*."""
    while not _free(lock, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _free(lock: int, kind: int) -> bool:
    """Return whether *lock* could be had at once, which it then is."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
