"""Many jobs while workers die at random."""

import random
import time
from datetime import UTC, datetime

import pytest
from rig import Rig, kill

from jobs.contract.state import JobState

WORKERS = 2


@pytest.mark.parametrize(
    ("jobs", "seed"),
    [
        (20, datetime.now(UTC).toordinal()),
        pytest.param(200, 1, marks=(pytest.mark.slow, pytest.mark.timeout(1500))),
    ],
)
def test_workers_die_at_random(rig: Rig, jobs: int, seed: int) -> None:
    """Workers are killed (kill -9) at random moments, one for every six jobs, while jobs come in: none is lost.

    A job whose workers died three times has failed, retryable; all others have succeeded.
    """
    chance = random.Random(seed)  # noqa: S311 - keeps no secret
    workers = [rig.start_worker() for _ in range(WORKERS)]
    for number in range(jobs):
        rig.submit()
        if number % 6 == 5:
            time.sleep(chance.random())
            victim = workers.pop(chance.randrange(WORKERS))
            kill(victim)
            workers.append(rig.start_worker())
    ended = [rig.ended(job_id) for job_id in list(rig.accepted)]

    assert {job.state for job in ended} <= {JobState.SUCCEEDED, JobState.FAILED}
    assert all(job.attempt == job.max_attempts and job.error["retryable"] for job in ended if job.error)
    assert sum(job.state is JobState.SUCCEEDED for job in ended) >= jobs * 0.9
