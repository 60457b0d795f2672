"""Workers that end, gently or not, and the job that they had."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest
from bench import Bench
from rq.exceptions import StopRequested
from waiting import PATIENCE_S, runs, wait

from jobs.contract.state import JobState
from jobs.settings import WorkerSettings
from jobs.state.settings import StateSettings
from jobs.worker import SafeWorker


@pytest.fixture(autouse=True)
def _fresh(bench: Bench) -> Iterator[None]:
    """Let each test have its own workers and an empty queue."""
    yield
    bench.stop()
    bench.workers.clear()
    bench.state.redis.flushdb()


def test_a_killed_worker_loses_nothing(bench: Bench) -> None:
    """Kill -9 of the worker: its child dies with it, the lease lapses, the next worker does the job, once."""
    worker = bench.start_worker()
    job = bench.submit("work")
    child = bench.wait_working(job)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    if sys.platform == "linux":
        wait(lambda: not runs(child), seconds=50)  # before it would end by itself
    (bench.folder / "mark").touch()
    bench.start_worker()

    ended = bench.wait_ended(job, rounds=True)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 2)
    assert bench.story(job) == ["queued", "running", "queued", "running", "succeeded"]


def test_a_worker_told_to_stop_hands_its_job_over(bench: Bench) -> None:
    """SIGTERM: the job under way stops at its next report and waits for another worker; it loses no attempt by it."""
    worker = bench.start_worker()
    job = bench.submit("work")
    bench.wait_working(job)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=PATIENCE_S) == 0
    waiting = bench.job(job)
    assert (waiting.state, waiting.attempt, waiting.max_attempts, waiting.not_before) == (JobState.QUEUED, 1, 4, None)
    assert bench.state.queue.place(bench.job(job)) == "waiting"
    bench.state.redis.flushdb()
    assert bench.job(job).max_attempts == 4  # the store remembers
    (bench.folder / "mark").touch()
    bench.start_worker()
    assert bench.wait_ended(job, rounds=True).state is JobState.SUCCEEDED


def test_a_worker_told_to_stop_hands_a_deaf_job_over(bench: Bench) -> None:
    """SIGTERM while a job reports nothing: after the grace it is killed, and waits for another worker."""
    worker = bench.start_worker(MODELPRESS_STOP_GRACE_S="1")
    job = bench.submit("hang")
    wait((bench.folder / "mark").exists)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=PATIENCE_S) == 0
    assert (bench.job(job).state, bench.job(job).max_attempts) == (JobState.QUEUED, 4)
    assert bench.state.queue.place(bench.job(job)) == "waiting"


def test_a_worker_told_twice_ends_at_once(bench: Bench) -> None:
    """A second SIGTERM kills the child; its job waits for another worker all the same."""
    worker = bench.start_worker()
    job = bench.submit("hang")
    wait((bench.folder / "mark").exists)
    worker.send_signal(signal.SIGTERM)
    time.sleep(1.2)  # within a second it would be taken for the same one
    worker.send_signal(signal.SIGTERM)

    worker.wait(timeout=15)  # less than its grace
    assert bench.job(job).state is JobState.QUEUED
    assert bench.state.queue.place(bench.job(job)) == "waiting"


@pytest.mark.parametrize(("do", "what"), [("balloon", "memory"), ("litter", "disk")])
def test_a_job_that_takes_too_much_is_ended(bench: Bench, do: str, what: str) -> None:
    """The worker ends a job beyond its limits before the machine does; the message says of what, and how much."""
    resident = {"memory": str(600 * 2**20), "disk": str(20 * 2**20)}[what]
    bench.start_worker(**{f"MODELPRESS_{what.upper()}_BYTES_MAX": resident})
    ended = bench.wait_ended(bench.submit(do))

    assert (ended.state, ended.error["code"], ended.attempt) == (JobState.FAILED, "limit_exceeded", 1)
    assert what in ended.error["message"]


def test_what_a_job_leaves_behind_ends_with_it(bench: Bench) -> None:
    """A process that a child has started does not outlive the job."""
    bench.start_worker()
    bench.wait_ended(bench.submit("leave behind"))
    left = int(next(bench.folder.glob("mark.*")).suffix[1:])

    wait(lambda: not runs(left))
    assert not runs(left)


def test_an_idle_worker_stops_at_once(bench: Bench) -> None:
    """SIGTERM while waiting for a job ends the worker within moments."""
    worker = bench.start_worker()
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=PATIENCE_S) == 0


def test_a_worker_that_missed_the_signal_stops_at_its_next_heartbeat(bench: Bench) -> None:
    """The signal's exception may get lost in whatever it interrupts; an idle worker notices all the same."""
    worker = SafeWorker(StateSettings.from_env(bench.environment), WorkerSettings.from_env(bench.environment))
    worker.set_state("idle")
    worker.told_to_stop = time.monotonic()

    with pytest.raises(StopRequested):
        worker.heartbeat()
