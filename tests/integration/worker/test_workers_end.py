"""Workers that end, gently or not, and the job that they had."""

import signal
import sys
from collections.abc import Iterator

import pytest
from bench import Bench, runs, wait

from jobs.contract.state import JobState


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
        wait(lambda: not runs(child), seconds=5)
    (bench.folder / "mark").touch()
    bench.start_worker()

    ended = bench.wait_ended(job, rounds=True)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 2)
    assert bench.story(job) == ["queued", "running", "queued", "running", "succeeded"]


def test_a_worker_told_to_stop_finishes_its_job(bench: Bench) -> None:
    """SIGTERM: the job under way ends well, then the worker ends with code 0."""
    worker = bench.start_worker()
    job = bench.submit("work")
    bench.wait_working(job)
    worker.send_signal(signal.SIGTERM)
    (bench.folder / "mark").touch()

    assert worker.wait(timeout=20) == 0
    assert bench.job(job).state is JobState.SUCCEEDED


def test_a_worker_told_to_stop_hands_a_long_job_on(bench: Bench) -> None:
    """SIGTERM while a job goes on for longer than the grace: it waits for another worker, on the queue."""
    worker = bench.start_worker(MODELPRESS_STOP_GRACE_S="1")
    job = bench.submit("hang")
    wait((bench.folder / "mark").exists)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=20) == 0
    assert bench.job(job).state is JobState.QUEUED
    assert bench.state.queue.place(job.id, 2) == "waiting"


def test_an_idle_worker_stops_at_once(bench: Bench) -> None:
    """SIGTERM while waiting for a job ends the worker within moments."""
    worker = bench.start_worker()
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=5) == 0
