"""The whole stack, a caller's connections to it, and models and data in its bucket."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from modelpress import ModelPress
from tiny_folders import FAMILIES, put_folder, write_data, write_model

from deploy.embedded.stack import MODELS_BUCKET, Stack
from jobs.state.opening import State
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def api(stack: Stack) -> Iterator[httpx.Client]:
    """Return a plain HTTP client that carries the key."""
    with _connection(stack, stack.api_key) as client:
        yield client


@pytest.fixture(scope="session")
def stranger(stack: Stack) -> Iterator[httpx.Client]:
    """Return a plain HTTP client that carries another tenant's key."""
    state = State.open(StateSettings.from_env(stack.settings))
    key = state.keys.create("stranger", "tests")
    state.redis.close()
    with _connection(stack, key) as client:
        yield client


@pytest.fixture(scope="session")
def press(stack: Stack) -> Iterator[ModelPress]:
    """Return the Python client."""
    with ModelPress(stack.url, stack.api_key) as client:
        yield client


@pytest.fixture(scope="session")
def models(stack: Stack) -> S3Store:
    """Return the bucket for dense models."""
    return stack.store(MODELS_BUCKET)


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return a folder with a tiny model for each family."""
    shelf = tmp_path_factory.mktemp("models")
    return {family: write_model(family, shelf / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def data_folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return a folder with data for each family."""
    shelf = tmp_path_factory.mktemp("data")
    return {family: write_data(family, shelf / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def model_uris(models: S3Store, model_folders: Mapping[str, Path]) -> Mapping[str, str]:
    """Return where each family's model is in the bucket."""
    for family, folder in model_folders.items():
        put_folder(models, folder, f"dense/{family}")
    return {family: f"s3://{MODELS_BUCKET}/dense/{family}" for family in model_folders}


@pytest.fixture(scope="session")
def data_uris(press: ModelPress, data_folders: Mapping[str, Path]) -> Mapping[str, str]:
    """Return each family's data, uploaded."""
    return {family: press.upload(folder) for family, folder in data_folders.items()}


def _connection(stack: Stack, key: str) -> httpx.Client:
    return httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
