"""What happened to a job, in order: a capped Redis stream whose ids are the events' ids."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from jobs.contract.errors import InvalidRequestError, QueueError
from jobs.contract.spec import Json
from jobs.state.records import format_time

EVENTS_MAX = 10_000
"""About how many events a job keeps; the oldest go first."""
PAGE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: *type* is ``state`` or ``progress``."""

    type: str
    message: str
    stage: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the event as one JSON text."""
        return json.dumps({"type": self.type, "stage": self.stage, "message": self.message, "data": dict(self.data)})


class EventLog:
    """Appends events and reads them page by page."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def append(self, job_id: str, event: Event) -> None:
        """Add an event at the end."""
        with redis_errors():
            self._redis.xadd(events_key(job_id), {"event": event.to_text()}, maxlen=EVENTS_MAX, approximate=True)

    def page(self, job_id: str, *, after: str = "", limit: int = 100) -> list[Json]:
        """Return up to *limit* events that follow the id *after*, oldest first.

        Raises:
            InvalidRequestError: *after* is no event's id.
        """
        begin = f"({after}" if after else "-"
        with redis_errors():
            try:
                found: Any = self._redis.xrange(events_key(job_id), min=begin, count=min(limit, PAGE_MAX))
            except ResponseError as error:
                raise InvalidRequestError(f"Expected after=<id of an event>; got {after[:40]!r}.") from error
        return [_told(*each) for each in found]

    def latest(self, job_id: str, *, limit: int = 50) -> list[Json]:
        """Return the last *limit* events, newest first."""
        with redis_errors():
            found: Any = self._redis.xrevrange(events_key(job_id), count=min(limit, PAGE_MAX))
        return [_told(*each) for each in found]

    def exists(self, job_id: str) -> bool:
        """Return whether anything of the job's story is here."""
        with redis_errors():
            return bool(self._redis.exists(events_key(job_id)))

    def restore(self, job_id: str, history: Iterable[tuple[datetime, Event]]) -> None:
        """Write the state-changing events of a job whose stream was lost; a stream that is there is left alone."""
        if self.exists(job_id):
            return
        with redis_errors(), self._redis.pipeline() as pipeline:
            for identifier, event in _numbered(sorted(history, key=lambda each: each[0])):
                pipeline.xadd(events_key(job_id), {"event": event.to_text()}, id=identifier)
            pipeline.execute()


@contextmanager
def redis_errors() -> Iterator[None]:
    """Translate what redis-py raises, here and nowhere else."""
    try:
        yield
    except RedisError as error:
        raise QueueError(f"Redis did not answer as expected ({type(error).__name__}); try again.") from error


def events_key(job_id: str) -> str:
    """Return the stream's key; the braces keep a job's keys in one slot of a cluster."""
    return f"modelpress:{{{job_id}}}:events"


def _numbered(history: Sequence[tuple[datetime, Event]]) -> Iterator[tuple[str, Event]]:
    for number, (moment, event) in enumerate(history):
        yield f"{int(moment.timestamp() * 1000)}-{number}", event


def _told(identifier: str, entry: Mapping[str, str]) -> Json:
    moment = datetime.fromtimestamp(int(identifier.partition("-")[0]) / 1000, UTC)
    return {"id": identifier, "at": format_time(moment), **json.loads(entry["event"])}
