"""The service on servers of its own, in a bucket of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from modelpress import ModelPress, Retry
from served import KeptRedis, Web

from deploy.embedded.stack import Stack
from jobs.state.opening import State
from jobs.state.settings import StateSettings

TENANT = "acme"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[KeptRedis]:
    """Return a running Redis that the test may kill."""
    server = KeptRedis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def environment(stores: Stack, redis_server: KeptRedis) -> dict[str, str]:
    """Return what the programs are told."""
    ours = {"MODELPRESS_REDIS_URL": redis_server.url, "MODELPRESS_BUCKET": f"web-{uuid4().hex[:12]}"}
    return {**os.environ, **stores.settings, **ours}


@pytest.fixture
def state(environment: dict[str, str]) -> Iterator[State]:
    """Return the state that the service works with."""
    opened = State.open(StateSettings.from_env(environment))
    opened.store.ensure_bucket()
    yield opened
    opened.redis.close()


@pytest.fixture
def web(environment: dict[str, str], state: State, tmp_path: Path) -> Iterator[Web]:
    """Return the running service."""
    server = Web(environment, tmp_path / "web.log")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def client(web: Web, state: State) -> Iterator[ModelPress]:
    """Return a client that is patient, and quick at it."""
    retry = Retry(tries=50, first_delay_s=0.1, longest_delay_s=0.5)
    with ModelPress(web.url, state.keys.create(TENANT, "tests"), timeout=30, retry=retry) as connected:
        yield connected
