"""``python -m service.keys`` against a real store and a real Redis."""

import pytest

from jobs.state.keys import Scope
from jobs.state.opening import State
from jobs.state.settings import StateSettings
from service import keys


@pytest.fixture
def state(s3_settings: StateSettings, stores: object, monkeypatch: pytest.MonkeyPatch) -> State:
    """Return the state that the command will find."""
    for name, value in stores.settings.items():  # type: ignore[attr-defined]
        monkeypatch.setenv(name, value)
    return State.open(s3_settings)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command prints."""
    assert keys.main([*arguments]) == 0
    return capsys.readouterr().out


def test_a_key_lives_by_the_command(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A key is created with a scope, listed without its secret, rotated, and revoked."""
    key = said(capsys, "create", "--tenant", "shop", "--name", "till", "--scope", "read", "--days", "1").strip()
    found = state.keys.identify(key)
    listed = said(capsys, "list", "--tenant", "shop")
    new = said(capsys, "rotate", key, "--grace-hours", "0").strip()
    rotated = [state.keys.identify(each) for each in (key, new)]
    said(capsys, "revoke", new)

    assert found is not None
    assert (found.tenant, found.scopes) == ("shop", {Scope.READ})
    assert [line.split("\t")[:4] for line in listed.splitlines()[1:]] == [[found.key_id, "shop", "till", "read"]]
    assert key.split("_", 2)[2] not in listed
    assert [each and each.tenant for each in rotated] == [None, "shop"]
    assert state.keys.identify(new) is None


def test_what_is_wrong_is_said(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad tenant or an unknown key ends the command with a sentence and status 1."""
    statuses = [keys.main(["create", "--tenant", "../x"]), keys.main(["rotate", "0" * 26])]

    assert statuses == [1, 1]
    assert "Expected a tenant" in capsys.readouterr().err
