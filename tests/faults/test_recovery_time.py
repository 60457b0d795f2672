"""How long it takes, with the settings that ModelPress comes with, until a job is under way again."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import fields

import pytest
from rig import QUICK_SETTINGS, Rig, kill
from waiting import wait

from deploy.embedded.stack import Stack
from jobs.contract.state import JobState
from jobs.settings import WorkerSettings
from jobs.state.settings import StateSettings, environment_name

PROMISED_S = 60
KINDS = (StateSettings, WorkerSettings)
pytestmark = pytest.mark.slow
log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def bare_rig(stores: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Return a rig with the default settings."""
    default = {environment_name(each.name): str(each.default) for kind in KINDS for each in fields(kind)}
    rig = Rig(stores.settings, tmp_path_factory.mktemp("rig"), {name: default[name] for name in QUICK_SETTINGS})
    yield rig
    rig.close()


def test_after_a_worker(rig: Rig) -> None:
    """A worker's machine is gone, in the middle of a job: another worker is at it within 60 s."""
    lost = rig.start_worker()
    job = rig.submit("work")
    child = rig.working()
    wait(lambda: rig.job(job.id).version > job.version + 2)
    rig.start_worker()
    began = time.monotonic()
    os.kill(child, signal.SIGKILL)
    kill(lost)
    rig.working(but=child)
    took_s = time.monotonic() - began
    log.info("under way again after %.1f s", took_s)
    rig.let_go()
    rig.start_worker()  # in place of the lost one, whose folder it empties

    assert rig.ended(job.id).state is JobState.SUCCEEDED
    assert took_s < PROMISED_S, took_s


@pytest.mark.parametrize("forgets", [False, True])
def test_after_redis(rig: Rig, forgets: bool) -> None:
    """Redis is away for half a minute and comes back, with its memory or without: waiting jobs run within 60 s."""
    rig.start_worker()
    wait(rig.state.redis.ping)
    rig.redis.kill()
    job = rig.state.ledger.accept("acme", "compression", rig.request("work"))
    rig.accepted.append(job.id)
    time.sleep(30)
    if forgets:
        rig.redis.forget()
    rig.redis.start()
    began = time.monotonic()
    rig.working()
    took_s = time.monotonic() - began
    log.info("under way again after %.1f s", took_s)
    rig.let_go()

    assert rig.ended(job.id).state is JobState.SUCCEEDED
    assert took_s < PROMISED_S, took_s
