"""A job that needs more than the machine has."""

import pytest
from rig import Rig

from jobs.contract.state import JobState


@pytest.mark.parametrize(
    ("limit", "size", "what"),
    [("RIG_FILE_BYTES", 16, "disk"), pytest.param("RIG_MEMORY_BYTES", 2**30, "memory", marks=pytest.mark.slow)],
)
def test_not_enough(rig: Rig, limit: str, size: int, what: str) -> None:
    """The disk is full, or no memory is left: the job fails as `limit_exceeded` and says so; the worker goes on."""
    worker = rig.start_worker(**{limit: str(size)})
    job = rig.ended(rig.submit("devour").id)

    assert (job.state, job.error["code"], job.attempt) == (JobState.FAILED, "limit_exceeded", 1)
    assert what in job.error["message"]
    assert worker.poll() is None
