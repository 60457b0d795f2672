"""Two who believe that a job is theirs: attempts that wake up late, entries that are delivered twice, clocks."""

import os
import signal

import pytest
from rig import Rig, kill
from waiting import wait

from jobs.contract.state import JobState


def test_a_stale_attempt_wakes_up(rig: Rig) -> None:
    """A worker and its child wake up after another attempt has ended their job: the job stays as that one ended it."""
    sleeper = rig.start_worker()
    job = rig.submit("work")
    child = rig.working()
    for process in (sleeper.pid, child):
        os.kill(process, signal.SIGSTOP)
    successor = rig.start_worker()
    second = rig.working(but=child)
    rig.let_go()
    ended = rig.ended(job.id)
    for process in (sleeper.pid, child):
        os.kill(process, signal.SIGCONT)
    wait(lambda: "no longer owns the job" in rig.log("worker"))

    assert second != child
    assert (ended.state, ended.attempt, rig.job(job.id)) == (JobState.SUCCEEDED, 2, ended)
    assert (sleeper.poll(), successor.poll()) == (None, None)


@pytest.mark.slow
def test_a_stale_attempt_wakes_up_beside_its_successor(rig: Rig) -> None:
    """A worker and its child wake up while another attempt is under way: they stop, and the other goes on."""
    sleeper = rig.start_worker()
    job = rig.submit("work")
    child = rig.working()
    for process in (sleeper.pid, child):
        os.kill(process, signal.SIGSTOP)
    rig.start_worker()
    second = rig.working(but=child)
    for process in (sleeper.pid, child):
        os.kill(process, signal.SIGCONT)
    wait(lambda: "no longer owns the job" in rig.log("worker"))
    rig.let_go()

    assert second != child
    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)


def test_an_entry_is_delivered_twice(rig: Rig) -> None:
    """Two workers get the same entry of the queue at once: one of them does the job, at its first attempt."""
    rig.start_worker()
    rig.start_worker()
    for mark in ("mark-a", "mark-b"):
        job = rig.submit("work", mark=mark)
        rig.working(mark=mark)
        rig.state.queue.drop(job)
        rig.state.queue.enqueue(job)
        rig.let_go(mark)

        assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 1)


@pytest.mark.slow
def test_an_entry_is_delivered_after_the_end(rig: Rig) -> None:
    """An entry of the queue is delivered once more after its job has ended: the job stays as it is."""
    rig.start_worker()
    ended = rig.ended(rig.submit().id)
    rig.state.queue.enqueue(ended)
    rig.ended(rig.submit().id)

    assert rig.job(ended.id) == ended


@pytest.mark.parametrize("ahead_s", [3600, pytest.param(-3600, marks=pytest.mark.slow)])
def test_clocks_that_differ(rig: Rig, ahead_s: int) -> None:
    """The clock of a worker's machine is an hour fast, or slow: its job is not taken from it, and does not expire."""
    rig.start_worker(RIG_CLOCK_S=str(ahead_s))
    job = rig.submit("work", queue_timeout_s=600)
    rig.working()
    wait(lambda: rig.job(job.id).version > job.version + 8)  # heartbeats, and the janitor's rounds between them
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 1)


@pytest.mark.slow
def test_a_dead_worker_whose_clock_was_fast(rig: Rig) -> None:
    """The clock of a worker's machine was an hour fast when it died: its lease lapses as soon as any other."""
    worker = rig.start_worker(RIG_CLOCK_S="3600")
    job = rig.submit("work")
    rig.working()
    kill(worker)
    rig.start_worker()
    rig.let_go()

    assert (rig.ended(job.id).state, rig.job(job.id).attempt) == (JobState.SUCCEEDED, 2)
