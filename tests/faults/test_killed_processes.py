"""Processes that are killed."""

import os
import signal

import pytest
from rig import Rig, kill
from waiting import runs, wait

from jobs.contract.state import JobState


def test_kill_the_child(rig: Rig) -> None:
    """Kill -9 of the process that computes: its worker hands the job on, and the second attempt ends it."""
    rig.start_worker()
    job = rig.submit("work")
    os.kill(rig.working(), signal.SIGKILL)
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)


@pytest.mark.slow
def test_kill_the_worker(rig: Rig) -> None:
    """Kill -9 of a worker: the process that computes for it ends with it, and another worker does the job."""
    worker = rig.start_worker()
    job = rig.submit("work")
    child = rig.working()
    kill(worker)
    wait(lambda: not runs(child))
    rig.start_worker()
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)


@pytest.mark.slow
def test_kill_worker_and_child(rig: Rig) -> None:
    """Kill -9 of a worker and of the process that computes for it, at once: another worker does the job."""
    worker = rig.start_worker()
    job = rig.submit("work")
    os.kill(rig.working(), signal.SIGKILL)
    kill(worker)
    rig.start_worker()
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)


@pytest.mark.slow
def test_kill_the_child_every_time(rig: Rig) -> None:
    """Kill -9 of the process that computes, at every attempt: the job fails after its last and says why."""
    rig.start_worker()
    job, child = rig.submit("work"), 0
    for _ in range(job.max_attempts):
        child = rig.working(but=child)
        os.kill(child, signal.SIGKILL)

    ended = rig.ended(job.id)
    assert (ended.state, ended.attempt, ended.error["retryable"]) == (JobState.FAILED, 3, True)
    assert "signal 9" in ended.error["message"]


def test_kill_the_janitor(rig: Rig) -> None:
    """Kill -9 of the janitor while a worker is lost: the next janitor finds the job, and it ends."""
    (janitor,) = rig.processes
    worker = rig.start_worker()
    job = rig.submit("work")
    rig.working()
    kill(worker)
    kill(janitor)
    rig.let_go()
    rig.start_worker()
    rig.start_janitor()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)
