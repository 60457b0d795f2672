"""A client and the two servers it speaks with."""

from collections.abc import Iterator

import pytest
from client_fakes import KEY, QUICK, FakeService, FakeStore
from command_shell import Shell
from modelpress import ModelPress, Retry, waiting


@pytest.fixture(autouse=True)
def _no_profiles(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep profiles and interrupted uploads of whoever runs the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    for variable in ("MODELPRESS_URL", "MODELPRESS_API_KEY", "MODELPRESS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def store() -> Iterator[FakeStore]:
    """Return an object store."""
    with FakeStore() as server:
        yield server


@pytest.fixture
def service(store: FakeStore) -> Iterator[FakeService]:
    """Return a service with its files in the store."""
    with FakeService(store) as server:
        yield server


@pytest.fixture
def client(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelPress]:
    """Return an impatient client of the service."""
    monkeypatch.setattr(waiting, "PAUSE_S", 0.01)
    with ModelPress(service.url, KEY, timeout=5, retry=QUICK) as connected:
        yield connected


@pytest.fixture
def outside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell that knows no service."""
    monkeypatch.setattr(waiting, "PAUSE_S", 0.01)
    monkeypatch.setattr(Retry, "delay_s", lambda *_: 0.01)
    return Shell(capsys)


@pytest.fixture
def shell(outside: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell whose environment names the service."""
    monkeypatch.setenv("MODELPRESS_URL", service.url)
    monkeypatch.setenv("MODELPRESS_API_KEY", KEY)
    return outside
