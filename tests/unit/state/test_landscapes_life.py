"""A landscape and its points: accepted once, reused, cancelled together, and put together when all have ended."""

from typing import Any

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import InvalidRequestError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue, Place
from jobs.state.records import Job

TENANT = "acme"
MODEL = {"uri": "s3://models/tiny"}


def heads(*removed: float, **more: Any) -> dict[str, Any]:
    """Return a request of one point for each amount."""
    return {"model": MODEL, "grid": {"techniques": ["head_pruning"], "removed": list(removed)}, **more}


class Bench:
    """A ledger with landscapes, a queue nobody empties, and workers that the test plays."""

    def __init__(self, store: MemoryStore, ledger: Ledger, queue: JobQueue, clock: Clock) -> None:
        self.store, self.ledger, self.queue = store, ledger, queue
        self.landscapes = Landscapes(store, ledger, queue)
        self.janitor = Janitor(ledger, queue, self.landscapes, clock)

    def begun(self, request: dict[str, Any]) -> Job:
        """Return a landscape whose points are on their way."""
        landscape = self.ledger.accept(TENANT, "landscape", request, labels={"team": "speech"})
        assert not self.landscapes.advance(landscape)
        return self.now(landscape)

    def now(self, job: Job) -> Job:
        """Return the job as it is now."""
        found = self.ledger.show(TENANT, job.id)
        assert found is not None
        return found

    def points(self, landscape: Job) -> list[Job]:
        """Return the jobs of its points."""
        found = [self.ledger.show(TENANT, each.job or "") for each in self.landscapes.outcomes(landscape)]
        return [job for job in found if job is not None]

    def end(self, job: Job, state: JobState = JobState.SUCCEEDED) -> None:
        """Let a worker bring *job* to an end."""
        lease = self.ledger.claim(job.id, "worker")
        assert lease is not None
        if state is JobState.SUCCEEDED:
            self.ledger.finish(lease, state)
        else:
            self.ledger.give_up(lease, InvalidRequestError("no"), stage="load")
        self.landscapes.point_ended(job)


@pytest.fixture
def bench(memory: MemoryStore, ledger: Ledger, raw_redis: Redis, clock: Clock) -> Bench:
    """Return an empty bench."""
    return Bench(memory, ledger, JobQueue(raw_redis), clock)


def test_every_point_is_a_job_that_waits_for_a_worker(bench: Bench) -> None:
    """Points are compressions of the landscape, with its labels, on the queue; it runs without an attempt."""
    landscape = bench.begun(heads(0.25, 0.5))
    points = bench.points(landscape)

    assert (landscape.state, landscape.attempt) == (JobState.RUNNING, 0)
    assert landscape.progress == {"stage": "points", "step": 0, "steps": 2, "fraction": 0.0}
    assert [point.request["steps"][0]["heads_removed"] for point in points] == [0.25, 0.5]
    assert {(point.kind, point.parent, point.labels["team"]) for point in points} == {
        ("compression", landscape.id, "speech")
    }
    assert [bench.queue.place(point) for point in points] == 2 * [Place.WAITING]


def test_looking_twice_accepts_nothing_twice(bench: Bench) -> None:
    """However many bring a landscape forward, its points stay the same jobs."""
    landscape = bench.begun(heads(0.25, 0.5))
    before = bench.points(landscape)

    assert not bench.landscapes.advance(landscape)
    assert bench.points(landscape) == before
    assert bench.janitor.round() == 0


def test_the_last_point_to_end_announces_the_landscape(bench: Bench) -> None:
    """It is on the queue once all have ended, well or badly, and the next claim is its first attempt."""
    landscape = bench.begun(heads(0.25, 0.5))
    first, second = bench.points(landscape)

    bench.end(first)
    assert bench.queue.place(landscape) is Place.ABSENT
    bench.end(second, JobState.FAILED)
    assert bench.queue.place(landscape) is Place.WAITING

    assert bench.landscapes.advance(bench.now(landscape))
    lease = bench.ledger.claim(landscape.id, "worker")
    assert lease is not None
    assert lease.attempt == 1
    assert [each.state for each in bench.landscapes.outcomes(landscape)] == [JobState.SUCCEEDED, JobState.FAILED]


def test_an_announcement_that_was_lost_is_made_by_the_janitor(bench: Bench, redis: Redis) -> None:
    """Redis comes back empty when all points have ended: the janitor's rounds bring the landscape to the queue."""
    landscape = bench.begun(heads(0.5))
    bench.end(bench.points(landscape)[0])
    redis.flushdb()

    bench.janitor.round()
    assert bench.queue.place(landscape) is Place.WAITING
    assert bench.landscapes.advance(bench.now(landscape))


def test_points_that_were_not_accepted_yet_are_accepted_later(bench: Bench, memory: MemoryStore) -> None:
    """Whoever dies after some of the points leaves the others to the next who looks."""
    landscape = bench.ledger.accept(TENANT, "landscape", heads(0.25, 0.5))
    bench.landscapes._roster(landscape)
    bench.landscapes._taken_up(landscape, next(bench.landscapes._works(landscape, {})))

    assert len(bench.points(landscape)) == 1
    assert not bench.landscapes.advance(landscape)
    assert len(bench.points(landscape)) == 2


def test_what_an_earlier_landscape_asked_for_is_not_computed_again(bench: Bench) -> None:
    """More points later: those that are there stand in, the new one is accepted."""
    earlier = bench.begun(heads(0.25, 0.5))
    for point in bench.points(earlier):
        bench.end(point)
    later = bench.begun(heads(0.25, 0.5, 0.75))

    assert [each.reused for each in bench.landscapes.outcomes(later)] == [True, True, False]
    assert bench.points(later)[:2] == bench.points(earlier)
    assert later.progress is not None
    assert later.progress["step"] == 2


def test_nothing_stands_in_where_the_caller_does_not_want_it(bench: Bench) -> None:
    """With reuse false every point is a new job."""
    earlier = bench.begun(heads(0.5))
    later = bench.begun(heads(0.5, reuse=False))

    assert {job.id for job in bench.points(earlier)}.isdisjoint(job.id for job in bench.points(later))


def test_a_stand_in_that_comes_to_nothing_is_done_anew(bench: Bench) -> None:
    """A point of another landscape that fails does not fail the one that had hoped for it."""
    earlier = bench.begun(heads(0.5))
    later = bench.begun(heads(0.5))
    bench.end(bench.points(earlier)[0], JobState.FAILED)

    assert not bench.landscapes.advance(bench.now(later))
    (point,) = bench.points(later)
    assert (point.state, point.parent) == (JobState.QUEUED, later.id)


def test_another_tenants_points_never_stand_in(bench: Bench) -> None:
    """Results are reused within a tenant alone."""
    bench.begun(heads(0.5))
    foreign = bench.ledger.accept("other", "landscape", heads(0.5))
    bench.landscapes.advance(foreign)

    assert [each.reused for each in bench.landscapes.outcomes(foreign)] == [False]


def test_a_cancelled_landscape_takes_its_own_points_with_it(bench: Bench) -> None:
    """What it alone asked for is cancelled; what it reuses goes on."""
    earlier = bench.begun(heads(0.5))
    later = bench.begun(heads(0.5, 0.75))
    cancelled = bench.ledger.request_cancel(TENANT, later.id)
    assert cancelled is not None
    bench.landscapes.cancel_points(cancelled)

    assert cancelled.state is JobState.CANCELLED
    assert [job.state for job in bench.points(cancelled)] == [JobState.QUEUED, JobState.CANCELLED]
    assert bench.points(earlier)[0].state is JobState.QUEUED


def test_who_cancels_many_points_does_not_wait_for_all_of_them(bench: Bench) -> None:
    """What is not cancelled in time is cancelled by the janitor's next round."""
    landscape = bench.begun(heads(0.5, 0.75))
    cancelled = bench.ledger.request_cancel(TENANT, landscape.id)
    assert cancelled is not None
    bench.landscapes.cancel_points(cancelled, for_s=0)
    at_once = [job.state for job in bench.points(landscape)]
    bench.janitor.round()

    assert at_once == [JobState.QUEUED, JobState.QUEUED]
    assert [job.state for job in bench.points(landscape)] == [JobState.CANCELLED, JobState.CANCELLED]


def test_the_janitor_cancels_points_whose_landscape_is_gone(bench: Bench) -> None:
    """Nobody was there to cancel the points of a cancelled landscape: the next round does it."""
    landscape = bench.begun(heads(0.5))
    bench.ledger.request_cancel(TENANT, landscape.id)

    bench.janitor.round()
    assert [job.state for job in bench.points(landscape)] == [JobState.CANCELLED]


def test_a_landscape_does_not_lapse_while_its_points_run(bench: Bench, clock: Clock) -> None:
    """Nobody holds a lease on it, so there is none to lose."""
    landscape = bench.begun(heads(0.5))
    clock.pass_seconds(600)

    bench.janitor.round()
    assert bench.now(landscape).state is JobState.RUNNING


def test_a_landscape_of_the_same_point_twice_has_one_job(bench: Bench) -> None:
    """Two names for one request are two points and one compression."""
    step = {"steps": [{"technique": "head_pruning", "heads_removed": 0.5}]}
    landscape = bench.begun({"model": MODEL, "points": [{**step, "name": "a"}, {**step, "name": "b"}]})

    outcomes = bench.landscapes.outcomes(landscape)
    assert [each.name for each in outcomes] == ["a", "b"]
    assert len({each.job for each in outcomes}) == 1


def test_a_landscape_whose_cancelling_was_interrupted_is_ended_by_the_janitor(bench: Bench) -> None:
    """The wish was recorded and nothing more: the rounds end the landscape, and then its points."""
    landscape = bench.begun(heads(0.5))
    bench.ledger._memory.change(landscape.id, {"state": JobState.CANCELLING}, states=[JobState.RUNNING])

    for _ in range(2):
        bench.janitor.round()
    assert bench.now(landscape).state is JobState.CANCELLED
    assert [job.state for job in bench.points(landscape)] == [JobState.CANCELLED]


def test_a_landscape_that_no_worker_puts_together_expires(bench: Bench, clock: Clock) -> None:
    """Once all points have ended it waits as long as any job, from then on."""
    landscape = bench.begun(heads(0.5, limits={"queue_timeout_s": 100}))
    clock.pass_seconds(90)
    bench.end(bench.points(landscape)[0])
    clock.pass_seconds(90)
    bench.janitor.round()
    assert bench.now(landscape).state is JobState.QUEUED

    clock.pass_seconds(20)
    bench.janitor.round()
    assert bench.now(landscape).state is JobState.EXPIRED
