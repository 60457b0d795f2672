"""Redis is killed, comes back, forgets."""

import time

import httpx
import pytest
from rig import Rig, kill
from waiting import wait

from jobs.contract.state import JobState


def test_redis_restarts(rig: Rig) -> None:
    """Redis is killed and starts again while a job runs and another waits: the same attempt goes on, both end."""
    worker = rig.start_worker()
    running, waiting = rig.submit("work"), rig.submit()
    rig.working()
    rig.redis.kill()
    rig.redis.start()
    rig.let_go()

    assert (rig.ended(running.id).state, rig.job(running.id).attempt) == (JobState.SUCCEEDED, 1)
    assert rig.ended(waiting.id).state is JobState.SUCCEEDED
    assert worker.poll() is None


@pytest.mark.slow
def test_redis_is_away_for_longer_than_a_lease(rig: Rig) -> None:
    """Redis is gone for longer than a lease lasts, and remembers all: nobody alive is given up, the attempt goes on."""
    rig.start_worker()
    job = rig.submit("work")
    rig.working()
    rig.redis.kill()
    time.sleep(6)
    rig.redis.start()
    time.sleep(3)
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 1)


@pytest.mark.slow
def test_redis_dies_for_good(rig: Rig) -> None:
    """Redis is killed and starts empty, its disk lost, while a job runs and another waits: both end."""
    rig.start_worker()
    running, waiting = rig.submit("work"), rig.submit()
    rig.working()
    rig.redis.kill()
    rig.redis.forget()
    rig.redis.start()
    rig.let_go()

    assert rig.ended(running.id).state is JobState.SUCCEEDED
    assert rig.ended(waiting.id).state is JobState.SUCCEEDED


@pytest.mark.slow
def test_flushall(rig: Rig) -> None:
    """FLUSHALL while a job runs and another waits: what Redis knew is rebuilt from the store, and both end."""
    rig.start_worker()
    running, waiting = rig.submit("work"), rig.submit()
    rig.working()
    rig.state.redis.flushall()
    rig.let_go()

    assert (rig.ended(running.id).state, rig.job(running.id).attempt) == (JobState.SUCCEEDED, 1)
    assert rig.ended(waiting.id).state is JobState.SUCCEEDED


@pytest.mark.slow
def test_flushall_and_the_worker_dies(rig: Rig) -> None:
    """FLUSHALL and kill -9 of the worker, at once: the next worker does the job at its second attempt."""
    worker = rig.start_worker()
    job = rig.submit("work")
    rig.working()
    rig.state.redis.flushall()
    kill(worker)
    rig.start_worker()
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)


@pytest.mark.slow
def test_a_job_ends_without_redis(rig: Rig) -> None:
    """Redis is away when a job has been done: its result is published all the same, and known once Redis is back."""
    rig.start_worker()
    job = rig.submit("work")
    rig.working()
    rig.redis.kill()
    rig.let_go()
    wait(lambda: rig.state.store.head(f"tenants/acme/jobs/{job.id}/outcome.json"))
    rig.redis.start()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 1)


def test_jobs_are_accepted_without_redis(rig: Rig) -> None:
    """Redis is away when a job is submitted: it is accepted, and runs once Redis is back."""
    rig.start_service()
    rig.start_worker()
    assert rig.api.get("/v1/jobs").status_code == httpx.codes.OK
    rig.redis.kill()
    answer = rig.api.post("/v1/compressions", json=rig.request("succeed"))
    rig.redis.start()

    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    rig.accepted.append(answer.json()["id"])
    assert rig.ended(answer.json()["id"]).state is JobState.SUCCEEDED
