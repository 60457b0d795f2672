"""Redis goes away while a job runs and comes back empty: neither worker nor job minds."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench
from redis import Redis
from redis.exceptions import RedisError
from waiting import wait

from deploy.embedded.redis import find_binary
from jobs.contract.state import JobState


class FleetingRedis:
    """A Redis that keeps nothing."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start empty, and return once it answers."""
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen([find_binary(), *options], stdout=subprocess.DEVNULL)
        wait(self._answers)

    def stop(self) -> None:
        """End at once, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False


@pytest.fixture
def fleeting() -> Iterator[FleetingRedis]:
    """Return a running Redis that keeps nothing."""
    server = FleetingRedis()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lonely(bench: Bench, fleeting: FleetingRedis, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench on that Redis."""
    other = Bench({**bench.environment, "MODELPRESS_REDIS_URL": fleeting.url}, tmp_path)
    yield other
    other.stop()


def test_a_job_outlives_its_redis(lonely: Bench, fleeting: FleetingRedis) -> None:
    """Redis is gone for three heartbeats and comes back empty: the same attempt goes on and ends the job."""
    worker = lonely.start_worker()
    job = lonely.submit("work")
    lonely.wait_working(job)
    fleeting.stop()
    time.sleep(3.5)
    fleeting.start()
    time.sleep(1.5)
    (lonely.folder / "mark").touch()

    ended = lonely.wait_ended(job, rounds=True)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 1)
    assert worker.poll() is None


def test_a_job_ends_although_redis_is_away(lonely: Bench, fleeting: FleetingRedis) -> None:
    """The last word goes to the store: a job that finishes during the outage has succeeded once Redis is back."""
    lonely.start_worker()
    job = lonely.submit("work")
    lonely.wait_working(job)
    fleeting.stop()
    (lonely.folder / "mark").touch()
    wait(lambda: lonely.job(job).state is JobState.SUCCEEDED)
    fleeting.start()

    assert lonely.wait_ended(job, rounds=True).attempt == 1
    assert list(lonely.state.ledger.open_ids()) == []
