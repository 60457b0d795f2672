"""Events as they happen: server-sent events (WHATWG HTML, section 9.2), one thread each, and a bounded number of them.

Every frame with an ``id`` can be gone on from. A stream ends with ``end`` once all of a job that has ended is told, and
without it after some minutes or when the process stops: the caller opens another, after the last id. Nothing that is
asked of Redis waits longer than a second, and a Redis that is away is waited for.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from jobs.contract.errors import QueueError, StorageError
from jobs.contract.state import JobState
from service.errors import NotReadyError, TooManyStreamsError

Json = dict[str, Any]
EVENT_STREAM = "text/event-stream"
RETRY_MS = 3000
"""What a caller is asked to wait before opening another."""
STEP_S = 1.0
"""How long Redis is asked to wait for an event."""
LOOK_EVERY_S = 5.0
"""How often a silent stream looks whether the job has ended, or was forgotten."""
PING_EVERY_S = 15.0
_TERMINAL = frozenset(state.value for state in JobState if state.terminal)


class Events(Protocol):
    """What happened to each job."""

    def follow(self, job_id: str, *, after: str, wait_s: float) -> list[Json]:
        """Return the events that follow, as soon as there are any."""

    def is_gone(self, job_id: str, after: str) -> bool:
        """Return whether some of what followed is no longer kept."""


class TenantStreams(Protocol):
    """Counts the open streams of each tenant, over all processes."""

    def take(self, tenant: str) -> str | None:
        """Return the token of another one; None when there are enough."""

    def renew(self, tenant: str, token: str) -> None:
        """Let it count on."""

    def give_back(self, tenant: str, token: str) -> None:
        """Let it count no more."""


@dataclass(slots=True)
class Told:
    """How far a stream is.

    Attributes:
        after: the last event told.
        over: whether there is nothing more to come.
        job: how it has ended.
    """

    after: str
    pinged: float
    looked: float | None = None
    over: bool = False
    job: Json | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """An open stream: iterate over its frames, and *close* it, whatever happened."""

    frames: Iterator[str]
    close: Callable[[], None]


@dataclass(slots=True)
class Streams:
    """Opens streams.

    Args:
        events: what is told.
        counted: how many each tenant has.
        most: how many this process may have.
        longest_s: how long one lasts [s].
        monotonic: tells the time [s].
        sleep: waits [s].
    """

    events: Events
    counted: TenantStreams
    most: int
    longest_s: float
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stopping: Callable[[], bool] = lambda: False
    _free: threading.BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        """Make the places."""
        self._free = threading.BoundedSemaphore(self.most)

    def open(self, tenant: str, job_id: str, after: str, show: Callable[[], Json | None]) -> Stream:
        """Return a stream of what follows the event *after*; *show* returns the job as it is, None once it is gone.

        Raises:
            NotReadyError: this process has as many as it can.
            TooManyStreamsError: the tenant has as many as they may.
        """
        if not self._free.acquire(blocking=False):
            raise NotReadyError("Every place for a stream is taken; try again, or read the events page by page.")
        try:
            token = self.counted.take(tenant)
        except BaseException:
            self._free.release()
            raise
        if token is None:
            self._free.release()
            raise TooManyStreamsError("Too many streams are open; close some, or read the events page by page.")

        def close() -> None:
            self._free.release()
            with suppress(QueueError):  # it lapses by itself
                self.counted.give_back(tenant, token)

        def renew() -> None:
            with suppress(QueueError):
                self.counted.renew(tenant, token)

        return Stream(self._frames(job_id, after, show, renew), close)

    def _frames(
        self, job_id: str, after: str, show: Callable[[], Json | None], renew: Callable[[], None]
    ) -> Iterator[str]:
        began = self.monotonic()
        told = Told(after, pinged=began)
        yield f"retry: {RETRY_MS}\n\n"
        with suppress(QueueError):
            if self.events.is_gone(job_id, after):
                yield _frame("reset", {})
        while not told.over and self.monotonic() - began < self.longest_s and not self.stopping():
            yield from self._step(job_id, told, show)
            if self.monotonic() - told.pinged >= PING_EVERY_S:
                told.pinged = self.monotonic()
                renew()
                yield ": ping\n\n"
        if told.job is not None:
            yield _frame("end", told.job)

    def _step(self, job_id: str, told: Told, show: Callable[[], Json | None]) -> Iterator[str]:
        """Tell what there is, or wait a little for it."""
        try:
            if told.looked is None or self.monotonic() - told.looked >= LOOK_EVERY_S:
                told.looked, job = self.monotonic(), show()
                told.over = job is None or job["terminal"]
                told.job = job if told.over else None
            events = self.events.follow(job_id, after=told.after, wait_s=0 if told.over else STEP_S)
        except (QueueError, StorageError):
            told.over, told.job = False, None
            self.sleep(STEP_S)
            return
        for event in events:
            yield _frame(event["type"], event, event["id"])
            told.after = event["id"]
        if events:
            told.over = False  # look again at once where that was the end
            told.looked = None if _is_end(events[-1]) else told.looked


def _is_end(event: Json) -> bool:
    return event["type"] == "state" and event["data"]["state"] in _TERMINAL


def _frame(name: str, data: Json, identifier: str = "") -> str:
    head = f"id: {identifier}\n" if identifier else ""
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n"
