"""How often anybody may call: each tenant with a good key, and each address without one.

Counted in Redis by a sliding window, for all processes together. While Redis is away everybody is let in: a limit keeps
the service up for all, and must not be what takes it down.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Response, g
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import Redis

WINDOW_S = 60
POLICY = "requests"
TOLD_S = 1.0
"""How long a process goes on with what Redis said last of a tenant's room [s]: asking again costs every call."""
BATCHES = 100
"""Into how many parts a limit is cut: as many calls of a tenant may be counted at once, far from it."""
AWAY_S = 5.0
"""How long Redis is left alone after it did not answer [s]."""
SHUT_S = 10.0
"""How long an address without good keys is not even looked up [s]."""
_SHUT_MAX = 10_000
log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant stands with its limit.

    Attributes:
        limit: calls in ``WINDOW_S``.
        remaining: of them, those that are left.
        resets_s: when there are more [s].
        refused: whether this call is one too many.
    """

    limit: int
    remaining: int
    resets_s: int
    refused: bool

    def headers(self) -> dict[str, str]:
        """Return what an answer says of it (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"{POLICY}";r={self.remaining};t={self.resets_s}',
        }


@dataclass(slots=True)
class _Room:
    """What a process knows of a tenant's room.

    Attributes:
        told: when Redis said it [s].
        resets: until when the room is this [s].
        remaining: how many calls there were left then.
        uncounted: calls since then that Redis does not know of.
    """

    told: float = 0.0
    resets: float = 0.0
    remaining: int = 0
    uncounted: int = 0

    def is_wide(self, now: float, limit: int) -> bool:
        """Return whether one more call can be counted later: soon, and far from the limit."""
        few, far = limit // BATCHES, self.remaining - self.uncounted > limit // 2
        return far and self.uncounted <= few and now - self.told <= TOLD_S


class RateLimits:
    """Counts calls.

    Args:
        storage: where the counts are.
        requests: calls of one tenant in ``WINDOW_S``; 0: as many as it likes.
        failures: calls without a good key from one address in ``WINDOW_S``; 0: as many as it likes.
        clock: tells the time [s].
    """

    def __init__(
        self, storage: Storage, requests: int, failures: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._requests = RateLimitItemPerSecond(requests, WINDOW_S, "tenant") if requests else None
        self._failures = RateLimitItemPerSecond(failures, WINDOW_S, "address") if failures else None
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._shut: dict[str, float] = {}
        self._away_until = 0.0

    @classmethod
    def over(cls, redis: "Redis", requests: int, failures: int) -> "RateLimits":
        """Return limits that are counted in *redis*."""
        storage = RedisStorage(
            "redis://", connection_pool=redis.connection_pool, key_prefix="modelpress:rate", wrap_exceptions=True
        )
        return cls(storage, requests, failures)

    def count(self, tenant: str) -> Standing | None:
        """Count a call of *tenant* and return where it stands; None where nobody counts.

        Far from its limit a tenant's calls are counted here first, and some at a time in Redis.
        """
        item, now = self._requests, self._clock()
        if item is None:
            return None
        room = self._rooms.setdefault(tenant, _Room())
        room.uncounted += 1
        allowed = room.is_wide(now, item.amount) or self._counted(item, tenant, room)
        if allowed is None:
            return None
        left = room.remaining - room.uncounted if allowed else 0
        return Standing(item.amount, max(0, left), max(1, math.ceil(room.resets - now)), not allowed)

    def fail(self, address: str) -> bool:
        """Count a call from *address* without a good key; return whether it is one too many."""
        item = self._failures
        if item is None or self._ask(lambda: self._limiter.hit(item, address)) is not False:
            return False
        if len(self._shut) >= _SHUT_MAX:
            self._shut.clear()
        self._shut[address] = self._clock() + SHUT_S
        return True

    def is_shut(self, address: str) -> bool:
        """Return whether *address* has just sent too many calls without a good key."""
        return self._shut.get(address, 0.0) > self._clock()

    def _counted(self, item: RateLimitItem, tenant: str, room: _Room) -> bool | None:
        """Count in Redis what was not yet, and return whether the last of it is within the limit; None: who knows."""
        allowed = self._ask(lambda: self._limiter.hit(item, tenant, cost=room.uncounted))
        if allowed is None:
            return None
        if room.uncounted > 1 or self._clock() - room.told > TOLD_S:
            stats = self._ask(lambda: self._limiter.get_window_stats(item, tenant))
            room.told, (room.resets, room.remaining) = self._clock(), stats or (room.resets, room.remaining)
        else:
            room.remaining -= 1
        room.uncounted = 0
        return allowed

    def _ask(self, question: Callable[[], T]) -> T | None:
        if self._clock() < self._away_until:
            return None
        try:
            return question()
        except StorageError as error:
            self._away_until = self._clock() + AWAY_S
            log.warning("Nobody's calls are counted for %s s: %s", AWAY_S, error)
            return None


def tell(response: Response) -> Response:
    """Say in *response* where its caller stands."""
    standing: Standing | None = g.get("standing")
    if standing is not None:
        response.headers.update(standing.headers())
    return response
