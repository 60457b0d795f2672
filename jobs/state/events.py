"""What happened to a job, in order: a capped Redis stream, whose ids say where in the job's life an event belongs.

An id is ``{chapter}-{number}``. Each state that a job can come to has a chapter of its own, and the event that tells of
it is the first there, number 0: the archive knows them all, so a stream that was lost is told again with the very same
ids. What is told meanwhile, as progress, is numbered by Redis's clock within the chapter, and lost with Redis. Who has
read up to some id therefore goes on after it, whatever became of Redis, and is told no state twice and misses none.
"""

import json
from collections.abc import Iterator, Mapping
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
FIRST = (1, 0)


ACCEPTED = 1
"""The first chapter."""
ENDED = 10**15
"""The last chapter."""
TELL = """
local function tell(key, most, chapter, at, event)
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local present, number = 1, 0
  if newest then
    local left, right = string.match(newest[1], '^(%d+)-(%d+)$')
    present, number = tonumber(left), tonumber(right)
  end
  if tonumber(chapter) > 0 then
    if newest and tonumber(chapter) <= present then return end
    present, number = tonumber(chapter), 0
  else
    local now = redis.call('TIME')
    at = now[1] * 1000 + math.floor(now[2] / 1000)
    number = math.max(now[1] * 1000000 + now[2], number + 1)
  end
  local id = string.format('%.0f-%.0f', present, number)
  redis.call('XADD', key, 'MAXLEN', '~', most, id, 'event', event, 'at', string.format('%.0f', at))
end
"""
"""A Lua function that adds an event at its place; a state that was told already, or is past, is not told again."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: *type* is ``state`` or ``progress``.

    Attributes:
        chapter: which one it begins; 0: it belongs to the present one.
        at: when it was, where that is to be told again; else the moment of telling.
    """

    type: str
    message: str
    stage: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    chapter: int = 0
    at: datetime | None = None

    def to_text(self) -> str:
        """Return what is told as one JSON text."""
        return json.dumps({"type": self.type, "stage": self.stage, "message": self.message, "data": dict(self.data)})

    def to_arguments(self) -> list[Any]:
        """Return the last arguments of ``tell``."""
        return [self.chapter, int(self.at.timestamp() * 1000) if self.at else 0, self.to_text()]


class EventLog:
    """Reads events; those who change a job write them."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

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

    def follow(self, job_id: str, *, after: str, wait_s: float) -> list[Json]:
        """Return the events that follow the id *after*, as soon as there are any, or none after *wait_s* [s].

        That must be less than the client's own patience with Redis.
        """
        key = events_key(job_id)
        with redis_errors():
            found: Any = self._redis.xread({key: after or "0"}, count=PAGE_MAX, block=max(1, round(wait_s * 1000)))
        return [_told(*each) for _, entries in found for each in entries]

    def is_gone(self, job_id: str, after: str) -> bool:
        """Return whether some of what followed the id *after* is no longer kept."""
        with redis_errors():
            oldest: Any = self._redis.xrange(events_key(job_id), count=1)
        return bool(after and oldest) and _order(oldest[0][0]) > FIRST and _order(after) < _order(oldest[0][0])


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


def _order(identifier: str) -> tuple[int, int]:
    chapter, _, number = identifier.partition("-")
    return int(chapter), int(number or 0)


def _told(identifier: str, entry: Mapping[str, str]) -> Json:
    moment = datetime.fromtimestamp(int(entry["at"]) / 1000, UTC)
    return {"id": identifier, "at": format_time(moment), **json.loads(entry["event"])}
