"""One clock for all: Redis's. Machines whose own clocks differ agree all the same on when a lease lapses."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis

from jobs.contract.errors import QueueError
from jobs.state import records
from jobs.state.events import redis_errors

ASK_EVERY_S = 10.0
"""How long an answer is good for; until then the time is counted from there."""
RETRY_S = 1.0
"""How long a Redis that did not answer is left alone."""


class SharedClock:
    """Tells Redis's time, to within one round trip.

    While Redis is away it goes on counting; the machine's own clock is believed only by those who never reached Redis.

    Args:
        redis: a client that does not try again, so that telling the time never takes long.
        own: the machine's own clock.
        elapsed: counts seconds from any point on [s].
    """

    def __init__(
        self,
        redis: "Redis",
        own: Callable[[], datetime] = records.utc_now,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._own = own
        self._elapsed = elapsed
        self._began: datetime | None = None
        self._ask_at = float("-inf")

    def __call__(self) -> datetime:
        """Return the present moment."""
        elapsed = self._elapsed()
        if elapsed >= self._ask_at:
            elapsed = self._ask()
        return self._own() if self._began is None else self._began + timedelta(seconds=elapsed)

    def _ask(self) -> float:
        """Set the clock, if Redis answers, and return by how much it counts now."""
        try:
            with redis_errors():
                seconds, microseconds = _pair(self._redis.time())
        except QueueError:
            elapsed = self._elapsed()
            self._ask_at = elapsed + RETRY_S
            return elapsed
        elapsed = self._elapsed()
        self._began = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds, seconds=-elapsed)
        self._ask_at = elapsed + ASK_EVERY_S
        return elapsed


def _pair(answer: Any) -> tuple[int, int]:
    seconds, microseconds = answer
    return seconds, microseconds
