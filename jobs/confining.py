"""What a child is held to by the kernel: the life of its parent, and the memory that it may take."""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_FIRST_TO_GO = "1000"
_OOM_SCORE = Path("/proc/self/oom_score_adj")


def die_with(parent: int | None) -> None:
    """Ask Linux to end this process, and those that it forks, with its parent; elsewhere the lease lapses instead."""
    if sys.platform == "linux":
        _end_with(parent)
        forking: list[int] = []
        os.register_at_fork(before=lambda: forking.append(os.getpid()), after_in_child=lambda: _end_with(forking[-1]))


def limit_child(memory_bytes_max: int) -> None:
    """Hold this process to its memory, where there is a limit: what asks for more is told so.

    No core is dumped, and where a machine runs out of memory all the same, this process goes before its parent.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        _OOM_SCORE.write_text(_FIRST_TO_GO)
    if memory_bytes_max:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes_max, most))


def _end_with(parent: int | None) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
