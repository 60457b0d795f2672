"""A request for a job meets a fault: whoever got an answer that accepts it has a job, and only one."""

import os
import signal
import subprocess
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rig import TENANT, Rig, kill
from store_proxy import Fault
from waiting import wait

from jobs.contract.state import JobState

TODAY = datetime.now(UTC).toordinal()
AGAIN = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.CONFLICT, httpx.codes.BAD_GATEWAY)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_kill_gunicorn_mid_request(rig: Rig, every: int) -> None:
    """Kill -9 of all of gunicorn at any call that a request makes: sent again with its key, it is one job.

    The quick form tries one call, another one every day.
    """
    service = rig.start_service()
    rig.start_worker()
    calls = _calls_of_a_request(rig)
    for place in range(TODAY % min(every, calls), calls, every):
        key = uuid4().hex
        before = _jobs(rig)
        with rig.proxies["service"].ordered(Fault.SILENCE, nth=place) as order:
            caller = threading.Thread(target=_post_unheard, args=(rig, key))
            caller.start()
            wait(lambda order=order: order.met)
            _kill_group(rig, service)
            caller.join()
        service = rig.start_service()
        accepted = _posted(rig, key)

        assert _jobs(rig) - before == {accepted}, f"killed at call {place} of {calls}"
        assert rig.ended(accepted).state is JobState.SUCCEEDED


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.ERROR, Fault.BUSY])
def test_the_store_fails_while_a_job_is_accepted(rig: Rig, fault: Fault) -> None:
    """A call of a request for a job to the store fails, whichever: sent again with its key, it is one job."""
    rig.start_service()
    rig.start_worker()
    for place in range(_calls_of_a_request(rig)):
        key, before = uuid4().hex, _jobs(rig)
        with rig.proxies["service"].ordered(fault, nth=place, times=2):
            first = _post(rig, key)
        accepted = _posted(rig, key)

        assert first.status_code in {httpx.codes.ACCEPTED, *AGAIN}, first.text
        assert _jobs(rig) - before == {accepted}, place
        assert rig.ended(accepted).state is JobState.SUCCEEDED


def _calls_of_a_request(rig: Rig) -> int:
    """Return how many calls to the store a request makes whose key is known already."""
    _posted(rig, uuid4().hex)
    del rig.proxies["service"].calls[:]
    _posted(rig, uuid4().hex)
    return len(rig.proxies["service"].calls)


def _post(rig: Rig, key: str) -> httpx.Response:
    return rig.api.post("/v1/compressions", json=rig.request("succeed"), headers={"Idempotency-Key": key})


def _posted(rig: Rig, key: str) -> str:
    """Return the job of a request that is sent until it is accepted."""
    answers: list[httpx.Response] = []

    def accepted() -> Any:
        answers.append(_post(rig, key))
        assert answers[-1].status_code in {httpx.codes.ACCEPTED, *AGAIN}, answers[-1].text
        return answers[-1].status_code == httpx.codes.ACCEPTED

    wait(accepted)
    job_id: str = answers[-1].json()["id"]
    rig.accepted.append(job_id)
    return job_id


def _post_unheard(rig: Rig, key: str) -> None:
    try:
        _post(rig, key)
    except httpx.TransportError:
        return


def _jobs(rig: Rig) -> set[str]:
    return set(rig.state.store.folders(f"tenants/{TENANT}/jobs/"))


def _kill_group(rig: Rig, service: subprocess.Popen[bytes]) -> None:
    """Kill the arbiter and its workers."""
    children = rig.children(service.pid)
    kill(service)
    for child in children:
        os.kill(child, signal.SIGKILL)
