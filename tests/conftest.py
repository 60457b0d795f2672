"""Fixtures that tests of every folder share: real servers, each started when first asked for and once a session."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.processes import StartError
from deploy.embedded.stack import BUCKET, Stack
from deploy.embedded.swift import check_attributes
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store

FOLDER_VARIABLE = "MODELPRESS_TEST_STACK"
DATA_VARIABLE = "MODELPRESS_DEV_DATA"
OWNER_VARIABLE = "MODELPRESS_TEST_OWNER"
TRUSTED_VARIABLE = "MODELPRESS_WEBHOOK_HOSTS"
MLFLOW_VARIABLE = "MODELPRESS_MLFLOW_TRACKING_URI"
ROOT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder of this run's servers, before xdist's workers start and inherit the choice."""
    if not hasattr(config, "workerinput"):
        os.environ[FOLDER_VARIABLE] = str(_state_folder())
        os.environ[OWNER_VARIABLE] = str(os.getpid())
        os.environ[TRUSTED_VARIABLE] = "localhost"  # where tests receive webhooks
        os.environ[MLFLOW_VARIABLE] = f"http://{LOOPBACK}:{free_port(taken=set())}"  # nobody is there, save in one test


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop whatever was started."""
    if not hasattr(config, "workerinput"):
        folder = Path(os.environ.pop(FOLDER_VARIABLE))
        if (folder / "run").exists():
            Stack(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stores() -> Stack:
    """Return a stack whose Redis and S3 store run, and nothing else need."""
    stack = Stack(Path(os.environ[FOLDER_VARIABLE]))
    stack.start_stores(owner=int(os.environ[OWNER_VARIABLE]))
    return stack


@pytest.fixture(scope="session")
def stack(stores: Stack) -> Stack:
    """Return the whole stack: stores, service, worker and janitor."""
    stores.start(owner=int(os.environ[OWNER_VARIABLE]))
    return stores


@pytest.fixture(scope="session")
def redis_url(stores: Stack) -> str:
    """Return the URL of a real Redis."""
    return stores.settings["MODELPRESS_REDIS_URL"]


@pytest.fixture(scope="session")
def s3_settings(stores: Stack) -> StateSettings:
    """Return settings that reach a real S3 store and a real Redis."""
    return StateSettings.from_env(stores.settings)


@pytest.fixture(scope="session")
def store(stores: Stack) -> S3Store:
    """Return the real store, shared by the session: keep to keys of your own."""
    return stores.store(BUCKET)


@pytest.fixture(scope="session")
def dev_data() -> Path:
    """Return the folder of development data."""
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        pytest.skip(f"{DATA_VARIABLE} does not name a folder of development data")
    return Path(named)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the project's root."""
    return ROOT


def _state_folder() -> Path:
    for parent in (Path(tempfile.gettempdir()), ROOT / ".test-stack"):
        parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="modelpress tests-", dir=parent))  # paths may have spaces
        try:
            check_attributes(folder)
        except StartError:
            shutil.rmtree(folder)
        else:
            return folder
    return Path(tempfile.mkdtemp(prefix="modelpress-"))  # whoever asks for the store is told why it cannot run
