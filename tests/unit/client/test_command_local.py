"""What the command does on this machine: login, load-check, serve."""

import io
import os
import stat
from pathlib import Path

import pytest
from client_fakes import KEY, FakeService
from command_shell import Shell
from modelpress import ModelPress
from modelpress.command import local
from modelpress.command.exits import Code


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what the command reads as stdin, which is no terminal."""
    stdin = io.StringIO()
    monkeypatch.setattr("sys.stdin", stdin)
    return stdin


def answer(stdin: io.StringIO, text: str) -> None:
    """Type *text*."""
    stdin.write(text)
    stdin.seek(0)


def test_login_tries_and_keeps_address_and_key(outside: Shell, service: FakeService, typed: io.StringIO) -> None:
    """What was tried is kept for this user alone, and the next command needs nothing else."""
    answer(typed, f"{KEY}\n")
    ran = outside("login", "--url", service.url, "--profile", "work", "--json")

    path = Path(os.environ["XDG_CONFIG_HOME"], "modelpress/config.toml")
    assert ran.document == {"profile": "work", "url": service.url, "file": str(path)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in ran.out + ran.err
    assert outside("jobs", "--profile", "work").code == 0


def test_login_keeps_nothing_that_was_refused(outside: Shell, service: FakeService, typed: io.StringIO) -> None:
    """A wrong key is told at once, not by the next command."""
    answer(typed, "mp_wrong\n")
    ran = outside("login", "--url", service.url)

    assert ran.code == Code.REFUSED
    assert not (Path(os.environ["XDG_CONFIG_HOME"], "modelpress/config.toml")).exists()


def test_login_asks_in_a_terminal(
    outside: Shell, service: FakeService, typed: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is read as it is typed, the key without showing it."""
    answer(typed, f"{service.url}\n")
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(local, "getpass", lambda _: KEY)

    assert outside("login").code == 0
    with ModelPress() as press:
        assert [each.state for each in press.jobs()] == ["running", "failed", "queued"]


def test_what_is_not_installed_is_named(outside: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(local, "import_module", missing)
    check, serve = outside("load-check", str(tmp_path), "--json"), outside("serve")

    assert (check.code, serve.code) == (Code.UNAVAILABLE, Code.UNAVAILABLE)
    assert check.document["error"]["exit_code"] == Code.UNAVAILABLE
    assert 'pip install "modelpress-client[torch]"' in check.err
    assert "make up" in serve.err


def test_a_folder_that_is_no_artifact_fails_the_check(outside: Shell, tmp_path: Path) -> None:
    """There is nothing to compare with."""
    ran = outside("load-check", str(tmp_path))

    assert ran.code == Code.FAILED
    assert "verification.safetensors" in ran.err
