"""The store fails, hangs or breaks off: at every call that a job makes, in every way.

But where it is said otherwise, the workers here ask once and wait 3 s, so that one bad call is a failed one.
"""

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from rig import Rig
from store_proxy import Call, Fault
from waiting import wait

from jobs.contract.state import JobState

TODAY = datetime.now(UTC).toordinal()
FAULTS = tuple(Fault)
HARMLESS = {Fault.SLOW}


@pytest.fixture
def worker(rig: Rig) -> Iterator[subprocess.Popen[bytes]]:
    """Return a worker that asks the store once, and outlives whatever the store does."""
    worker = rig.start_worker(RIG_TRIES="1")
    yield worker
    assert worker.poll() is None


def test_one_fault_at_every_call(rig: Rig, worker: subprocess.Popen[bytes]) -> None:
    """One call of a job to the store goes wrong, whichever: the job succeeds, at its second attempt at the latest.

    Every third call is tried, each with one of the faults; which calls and which faults changes from day to day.
    """
    calls = _calls_of_a_job(rig)
    for place in range(TODAY % 3, len(calls), 3):
        _meets(rig, place, FAULTS[(TODAY + place) % len(FAULTS)], last=place + 1 == len(calls))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_call(rig: Rig, worker: subprocess.Popen[bytes], fault: Fault) -> None:
    """One call of a job to the store goes wrong, whichever, in each of the ways: the job succeeds."""
    calls = _calls_of_a_job(rig)
    for place in range(len(calls)):
        _meets(rig, place, fault, last=place + 1 == len(calls))


def test_a_patient_worker_notices_nothing(rig: Rig) -> None:
    """The store answers 503 to three calls in a row: a worker asks again, and the first attempt succeeds."""
    rig.start_worker()
    with rig.at_store.ordered(Fault.BUSY, times=3, fits=lambda call: call.about("/files/")) as order:
        job = rig.ended(rig.submit().id)

    assert (job.state, job.attempt, order.met) == (JobState.SUCCEEDED, 1, 3)


@pytest.mark.slow
def test_a_store_that_stays_away_for_good(rig: Rig, worker: subprocess.Popen[bytes]) -> None:
    """Nothing can be published, attempt after attempt: the job fails after its last with `storage_unavailable`."""
    with rig.at_store.ordered(Fault.ERROR, times=1000, fits=lambda call: call.about("manifest.json")):
        job = rig.ended(rig.submit().id)

    assert (job.state, job.attempt) == (JobState.FAILED, 3)
    assert (job.error["code"], job.error["stage"]) == ("storage_unavailable", "publish")


def test_an_outage_of_the_store(rig: Rig, worker: subprocess.Popen[bytes]) -> None:
    """The store is gone while a job computes and comes back: the job ends once it is back."""
    job = rig.submit("work")
    rig.working()
    rig.at_store.down = True
    rig.let_go()
    time.sleep(2)
    rig.at_store.down = False

    assert rig.ended(job.id).state.terminal


def _calls_of_a_job(rig: Rig) -> list[Call]:
    """Return the calls to the store that a job makes which nothing happens to."""
    del rig.at_store.calls[:]
    job = rig.submit()
    wait(lambda: any(call.method == "DELETE" and call.about(job.id) for call in rig.at_store.calls))
    return list(rig.at_store.calls)


def _meets(rig: Rig, place: int, fault: Fault, *, last: bool) -> None:
    with rig.at_store.ordered(fault, nth=place) as order:
        job = rig.ended(rig.submit().id)
        wait(lambda: not list(rig.state.ledger.open_ids()))

    assert order.met == 1 or last, f"call {place} was not made"  # what is remembered for a while is not asked for
    assert job.state is JobState.SUCCEEDED, (TODAY, place, fault, job.error)
    assert job.attempt <= 2, (TODAY, place, fault)
    assert fault not in HARMLESS or job.attempt == 1
