"""Progress for people: a bar in a terminal or a notebook, or whatever a caller's function makes of it."""

import builtins
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

Progress = bool | Callable[[int, int], None] | None
"""Whether a bar is shown (None: where somebody watches), or a function told the bytes that are there, and all."""


class Meter:
    """Counts bytes, from several threads."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None = None) -> None:
        self._total = total
        self._tell = tell
        self._done = 0
        self._lock = Lock()

    def add(self, count: int) -> None:
        """Count *count* more bytes."""
        with self._lock:
            self._done += count
            if self._tell is not None:
                self._tell(self._done, self._total)

    def restart(self) -> None:
        """Count from 0 again."""
        self.add(-self._done)


@contextmanager
def metered(wish: Progress, title: str, total: int) -> Iterator[Meter]:
    """Yield what counts the bytes of a transfer of *total* bytes, and shows them as is the caller's *wish*."""
    if callable(wish):
        yield Meter(total, wish)
    elif is_wanted(wish):
        with _bar()(total=total, desc=title, unit="B", unit_scale=True, unit_divisor=1024) as bar:
            yield Meter(total, lambda done, _: bar.update(done - bar.n))
    else:
        yield Meter(total)


class JobBar:
    """Shows how far a job is."""

    def __init__(self) -> None:
        self._bar = _bar()(total=1.0, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}")

    def show(self, job: Mapping[str, Any]) -> None:
        """Show *job* as it is now."""
        progress = job.get("progress") or {}
        count = f"{progress['step']}/{progress['steps']}" if {"step", "steps"} <= progress.keys() else None
        under_way = None if job["terminal"] else progress.get("stage")
        done = 1.0 if job["state"] == "succeeded" else progress.get("fraction") or 0.0
        self._bar.set_description_str(" ".join(filter(None, (under_way or job["state"], under_way and count))), False)
        self._bar.n = max(self._bar.n, min(done, 1.0))
        self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def is_wanted(wish: bool | None) -> bool:
    """Return whether to show a bar: as is wished, else where stderr is a terminal or this is a notebook.

    What IPython runs has its ``get_ipython``; programs that merely start notebooks have not.
    """
    return wish if wish is not None else sys.stderr.isatty() or hasattr(builtins, "get_ipython")


def _bar() -> Any:
    from tqdm.auto import tqdm  # noqa: PLC0415 - only who is shown a bar waits for it

    return tqdm
