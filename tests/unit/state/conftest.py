"""A ledger over a store in memory and a real Redis, with a clock that the test moves."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.state.ledger import Ledger


@pytest.fixture
def own_redis_url(redis_url: str) -> str:
    """Return the URL of a database that no other running test uses."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"{redis_url.rpartition('/')[0]}/{1 + worker % 15}"


@pytest.fixture
def redis(own_redis_url: str) -> Iterator[Redis]:
    """Return a client of an empty database."""
    with Redis.from_url(own_redis_url, decode_responses=True) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def raw_redis(own_redis_url: str, redis: Redis) -> Iterator[Redis]:
    """Return a client of the same database that does not decode, as RQ wants it."""
    with Redis.from_url(own_redis_url) as client:
        yield client


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def memory() -> MemoryStore:
    """Return an empty store."""
    return MemoryStore()


@pytest.fixture
def ledger(memory: MemoryStore, redis: Redis, clock: Clock) -> Ledger:
    """Return an empty ledger whose leases last 60 s."""
    return Ledger(memory, redis, lease_s=60, max_attempts=3, clock=clock)
