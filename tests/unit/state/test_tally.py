"""What operators count, in a real Redis."""

import time
from datetime import timedelta

import pytest
from redis import Redis
from state_clock import Clock

from jobs.contract.state import JobState
from jobs.state.ledger import Ledger
from jobs.state.records import Job
from jobs.telemetry.attempts import LOST, REPEATED, count_attempt
from jobs.telemetry.census import Census
from jobs.telemetry.tally import (
    ATTEMPTS,
    FAILURES,
    LEASE_LEFT_SECONDS,
    OPEN_JOBS,
    QUEUE_AGE_SECONDS,
    WORK_SECONDS,
    Counted,
    Tally,
)

REQUEST = {"model": {"uri": "s3://models/x"}}


def test_counters_grow_by_what_is_added(redis: Redis) -> None:
    """Each combination of labels is counted apart, whoever counts."""
    for tally in (Tally(redis), Tally(redis)):
        tally.add(ATTEMPTS, "compression", "succeeded")
    Tally(redis).add(WORK_SECONDS, "tnt_one", "profile", amount=2.5)

    assert list(Tally(redis).counters()) == [
        Counted(ATTEMPTS, ("compression", "succeeded"), 2),
        Counted(WORK_SECONDS, ("tnt_one", "profile"), 2.5),
    ]


def test_gauges_are_replaced_and_lapse_when_their_writer_is_silent(redis: Redis) -> None:
    """A state that is gone leaves no gauge behind, and neither does a janitor that is gone."""
    tally = Tally(redis)
    tally.show("janitor", [Counted(OPEN_JOBS, ("compression", "queued"), 3)], lapses_s=60)
    tally.show("janitor", [Counted(QUEUE_AGE_SECONDS, (), 7)], lapses_s=0.05)

    assert list(tally.gauges("janitor")) == [Counted(QUEUE_AGE_SECONDS, (), 7)]
    time.sleep(0.1)
    assert not list(tally.gauges("janitor"))


def test_a_count_that_redis_does_not_take_harms_nobody() -> None:
    """Work goes on when Redis is away, uncounted."""
    with Redis(port=1, decode_responses=True) as nowhere:
        Tally(nowhere).add(ATTEMPTS, "compression", "succeeded")
        Tally(nowhere).show("janitor", [], lapses_s=1)


def test_what_a_newer_release_counts_is_passed_over(redis: Redis) -> None:
    """A scrape by a service that does not know a metric yet shows the others."""
    Tally(redis).add(ATTEMPTS, "compression", "succeeded")
    Tally(redis).add(FAILURES, "storage_unavailable", "publish")

    assert [each.metric for each in Tally(redis, [FAILURES]).counters()] == [FAILURES]


def test_a_metric_insists_on_its_labels(redis: Redis) -> None:
    """A value whose labels are missing would be counted nowhere."""
    with pytest.raises(ValueError, match="told apart by"):
        Tally(redis).add(ATTEMPTS, "compression")


@pytest.mark.parametrize(
    ("state", "attempt", "outcome"),
    [
        (JobState.SUCCEEDED, 2, "succeeded"),
        (JobState.FAILED, 2, "failed"),
        (JobState.QUEUED, 2, REPEATED),
        (JobState.RUNNING, 3, LOST),
    ],
)
def test_an_attempt_is_counted_by_how_it_ended(redis: Redis, state: JobState, attempt: int, outcome: str) -> None:
    """An attempt counts once, with its seconds; one whose job somebody else has taken over is lost."""
    error = {"code": "storage_unavailable", "stage": "publish"} if state is JobState.FAILED else None
    now = Clock()()
    job = Job("job_1", "tnt_one", "profile", REQUEST, now, now, state=state, attempt=attempt, error=error)
    count_attempt(Tally(redis), job, 4.5, number=2)
    found = {(each.metric, each.labels): each.value for each in Tally(redis).counters()}

    assert found.pop((ATTEMPTS, ("profile", outcome))) == 1
    assert found.pop((WORK_SECONDS, ("tnt_one", "profile"))) == 4.5
    assert found == ({(FAILURES, ("storage_unavailable", "publish")): 1} if error else {})


def test_the_census_knows_who_waits_longest_and_whose_lease_lapses_first(ledger: Ledger, clock: Clock) -> None:
    """Two jobs wait, one for 30 s; one runs whose lease has 50 s left."""
    running = ledger.accept("tnt_one", "compression", REQUEST)
    ledger.claim(running.id, "worker")
    waiting = ledger.accept("tnt_one", "compression", REQUEST)
    clock.pass_seconds(10)
    later = ledger.accept("tnt_two", "profile", REQUEST)
    census = Census()
    for each in (running, waiting, later):
        seen = ledger.find(each.id)
        assert seen is not None
        census.see(seen)
    found = {(each.metric, each.labels): each.value for each in census.gauges(clock() + timedelta(seconds=20))}

    assert found == {
        (OPEN_JOBS, ("compression", "running")): 1,
        (OPEN_JOBS, ("compression", "queued")): 1,
        (OPEN_JOBS, ("profile", "queued")): 1,
        (QUEUE_AGE_SECONDS, ()): 30,
        (LEASE_LEFT_SECONDS, ()): 30,
    }


def test_an_idle_installation_has_no_age(clock: Clock) -> None:
    """Nobody waits: the queue's age is zero, and no lease is shown."""
    assert list(Census().gauges(clock())) == [Counted(QUEUE_AGE_SECONDS, (), 0)]
