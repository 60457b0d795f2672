"""The clock that all machines share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from state_clock import Clock

from deploy.embedded.ports import free_port
from jobs.state.clock import ASK_EVERY_S, RETRY_S, SharedClock

MOMENT = timedelta(seconds=5)


class Elapsed:
    """Seconds that pass only when told to."""

    seconds = 1000.0

    def __call__(self) -> float:
        """Return them."""
        return self.seconds


@pytest.fixture
def away() -> Iterator[Redis]:
    """Return a client of a Redis that is not there."""
    with Redis(port=free_port(taken=set()), retry=Retry(NoBackoff(), 0)) as client:
        yield client


def test_it_tells_the_time_of_redis(redis: Redis) -> None:
    """A machine whose own clock is years ahead tells the same time as all others."""
    ahead = Clock()

    assert abs(SharedClock(redis, own=ahead)() - datetime.now(UTC)) < MOMENT


def test_it_counts_on_between_two_answers(redis: Redis) -> None:
    """Redis is asked now and then; in between the seconds are counted."""
    elapsed = Elapsed()
    clock = SharedClock(redis, elapsed=elapsed)
    first = clock()
    elapsed.seconds += ASK_EVERY_S - 1

    assert clock() - first == timedelta(seconds=ASK_EVERY_S - 1)


def test_it_is_set_again(redis: Redis) -> None:
    """A count that went wrong, because the machine slept or its clock runs fast, is put right by the next answer."""
    elapsed = Elapsed()
    clock = SharedClock(redis, elapsed=elapsed)
    first = clock()
    elapsed.seconds += 3600

    assert clock() - first < MOMENT


def test_it_goes_on_without_redis(redis: Redis, away: Redis) -> None:
    """While Redis is away the last answer and the seconds since tell the time."""
    elapsed = Elapsed()
    clock = SharedClock(redis, own=Clock(), elapsed=elapsed)
    first = clock()
    clock._redis = away
    elapsed.seconds += 60

    assert clock() - first == timedelta(seconds=60)


def test_who_never_reached_redis_tells_their_own_time(away: Redis, redis: Redis) -> None:
    """A machine that starts while Redis is away believes its own clock until Redis answers."""
    own, elapsed = Clock(), Elapsed()
    clock = SharedClock(away, own=own, elapsed=elapsed)
    alone = clock()
    clock._redis = redis
    at_once = clock()
    elapsed.seconds += RETRY_S

    assert alone == at_once == own()
    assert abs(clock() - datetime.now(UTC)) < MOMENT
