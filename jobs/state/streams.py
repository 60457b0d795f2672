"""How many event streams a tenant has open over all processes: entries in Redis that lapse unless they are renewed."""

import time
from collections.abc import Callable

from redis import Redis

from jobs.state.events import redis_errors
from jobs.state.records import new_token

LAPSES_S = 45
"""How long a stream counts after it was last heard of [s]: its process may have died."""

_TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


class TenantStreams:
    """Counts the open streams of each tenant.

    Args:
        redis: where they are counted.
        most: how many a tenant may have.
        clock: tells the time [s].
    """

    def __init__(self, redis: "Redis", most: int, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._most = most
        self._clock = clock
        self._take = redis.register_script(_TAKE)

    def take(self, tenant: str) -> str | None:
        """Return the token of another stream of the tenant; None when they have as many as they may."""
        token, now = new_token(), self._clock()
        with redis_errors():
            args: list[str | float] = [now, self._most, now + LAPSES_S, token, LAPSES_S]
            return token if self._take(keys=[_key(tenant)], args=args) else None

    def renew(self, tenant: str, token: str) -> None:
        """Let the stream count on, also where Redis forgot it."""
        with redis_errors():
            self._redis.zadd(_key(tenant), {token: self._clock() + LAPSES_S})
            self._redis.expire(_key(tenant), LAPSES_S)

    def give_back(self, tenant: str, token: str) -> None:
        """Let the stream count no more."""
        with redis_errors():
            self._redis.zrem(_key(tenant), token)


def _key(tenant: str) -> str:
    return f"modelpress:streams:{tenant}"
