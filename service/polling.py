"""Requests that wait for something to happen: a bounded number of them, so that others are still served."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class LongPolls:
    """Looks at something again and again, for as long as a caller is willing to wait.

    Args:
        most: how many requests may wait at a time; the others are answered at once.
        step_s: time between two looks [s].
        monotonic: tells the time [s].
        sleep: waits [s].
    """

    def __init__(
        self,
        most: int,
        step_s: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slots = threading.BoundedSemaphore(most)
        self._step_s = step_s
        self._monotonic = monotonic
        self._sleep = sleep

    def watch(self, look: Callable[[], T], satisfies: Callable[[T], bool], seconds: float) -> T:
        """Return what *look* gives once it *satisfies*, or after *seconds* whatever it gives."""
        seen = look()
        if seconds <= 0 or satisfies(seen) or not self._slots.acquire(blocking=False):
            return seen
        try:
            deadline = self._monotonic() + seconds
            while not satisfies(seen) and self._monotonic() < deadline:
                self._sleep(self._step_s)
                seen = look()
        finally:
            self._slots.release()
        return seen
