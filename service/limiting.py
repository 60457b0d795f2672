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

    def tell(self, response: Response) -> None:
        """Say it in the headers of *response* (draft-ietf-httpapi-ratelimit-headers)."""
        response.headers["RateLimit-Policy"] = f'"{POLICY}";q={self.limit};w={WINDOW_S}'
        response.headers["RateLimit"] = f'"{POLICY}";r={self.remaining};t={self.resets_s}'


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
        self._told: dict[str, tuple[float, float, int]] = {}
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
        """Count a call of *tenant* and return where it stands; None where nobody counts."""
        item = self._requests
        allowed = self._ask(lambda: self._limiter.hit(item, tenant)) if item else None
        if item is None or allowed is None:
            return None
        resets, remaining = self._room(item, tenant)
        return Standing(
            item.amount, remaining if allowed else 0, max(1, math.ceil(resets - self._clock())), not allowed
        )

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

    def _room(self, item: RateLimitItem, tenant: str) -> tuple[float, int]:
        """Return until when, and how many calls *tenant* has left: as Redis says, or as it said a moment ago."""
        told, resets, remaining = self._told.get(tenant, (0.0, 0.0, 0))
        if self._clock() - told > TOLD_S:
            stats = self._ask(lambda: self._limiter.get_window_stats(item, tenant))
            told, (resets, remaining) = self._clock(), stats or (resets, remaining)
        else:
            remaining = max(0, remaining - 1)
        self._told[tenant] = (told, resets, remaining)
        return resets, remaining

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
        standing.tell(response)
    return response
