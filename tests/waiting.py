"""Waiting for what will happen, however slow the machine is, and looking at processes."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0
"""A bound that only a fault reaches: waiting ends as soon as what is waited for has happened."""


def wait(condition: Callable[[], Any], *, seconds: float = PATIENCE_S) -> None:
    """Return once *condition* holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.05)


def runs(process: int) -> bool:
    """Return whether the process lives (a zombie does not)."""
    return _stat(process)[:1] not in ([], ["Z"], ["X"])


def parent_of(process: int) -> int | None:
    """Return the process that started this one, None where it is gone."""
    fields = _stat(process)
    return int(fields[1]) if fields else None


def marked(mark: str) -> Iterator[int]:
    """Yield the living processes whose environment has *mark*, ``NAME=value``."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and runs(int(entry.name)) and mark.encode() in _environment(entry):
            yield int(entry.name)


def _stat(process: int) -> list[str]:
    """Return state, parent and the rest of what Linux tells of a process; nothing where it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _environment(entry: Path) -> list[bytes]:
    if entry.stat().st_uid != os.getuid():
        return []
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
