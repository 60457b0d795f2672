"""``python -m service.keys`` and ``service.tenants`` against a real store and a real Redis."""

import json
import time

import pytest

from jobs.state.keys import Scope
from jobs.state.opening import State
from jobs.state.remembered import HELD_S
from jobs.state.settings import StateSettings
from service import audit, keys, tenants


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
    time.sleep(HELD_S)  # other processes go on for as long with what they have just read
    rotated = [state.keys.identify(each) for each in (key, new)]
    said(capsys, "revoke", new)
    time.sleep(HELD_S)

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


def test_a_tenants_quotas_are_set_and_shown(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """What is set differs from the settings, what is given back no longer does, and what is used is shown beside."""
    tenants.main(["set", "shop", "--open-jobs", "7", "--buckets", "shop-*, shared"])
    first = json.loads(capsys.readouterr().out)
    tenants.main(["set", "shop", "--open-jobs", "default"])
    tenants.main(["show", "shop"])
    last = json.loads(capsys.readouterr().out.split("}\n{")[-1].join(["{", ""]))

    assert (first["quotas"]["open_jobs"], first["quotas"]["buckets"]) == (7, ["shop-*", "shared"])
    assert (last["quotas"]["open_jobs"], last["quotas"]["buckets"]) == (2000, ["shop-*", "shared"])
    assert last["used"] == {"open_jobs": 0, "stored_bytes": None}


def test_a_bad_tenant_is_refused(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that cannot be a tenant's ends the command with a sentence and status 1."""
    assert tenants.main(["set", "../x", "--open-jobs", "7"]) == 1
    assert "Expected a tenant" in capsys.readouterr().err


def test_what_operators_do_is_noted(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """Making, rotating and revoking a key and setting a quota are told by the audit log, without the secret."""
    key = said(capsys, "create", "--tenant", "noted").strip()
    new = said(capsys, "rotate", key).strip()
    said(capsys, "revoke", new)
    tenants.main(["set", "noted", "--open-jobs", "7"])
    capsys.readouterr()
    assert audit.main(["--tenant", "noted"]) == 0
    out = capsys.readouterr().out
    old_id, new_id = (each.split("_")[1] for each in (key, new))

    assert [json.loads(line)["what"] for line in out.splitlines()] == [
        f"create key {old_id}",
        f"rotate key {old_id} to {new_id}",
        f"revoke key {new_id}",
        'set quotas {"open_jobs": 7}',
    ]
    assert not any(each.split("_", 2)[2] in out for each in (key, new))
