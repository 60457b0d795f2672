"""Settings of the HTTP side."""

import pytest
from service_fakes import World

from jobs.state.settings import SettingsError
from service.keys import main
from service.settings import ServiceSettings


def test_reads_the_environment() -> None:
    """Each setting has a variable and a default."""
    settings = ServiceSettings.from_env({"MODELPRESS_POLL_AFTER_S": "5"})

    assert (settings.poll_after_s, settings.body_limit_bytes) == (5, 1_048_576)


def test_refuses_a_bad_value() -> None:
    """A value that means nothing stops the process with the variable's name."""
    with pytest.raises(SettingsError, match="MODELPRESS_BODY_LIMIT_BYTES"):
        ServiceSettings.from_env({"MODELPRESS_BODY_LIMIT_BYTES": "lots"})


def test_says_when_to_ask_again() -> None:
    """The pause that callers are told is a setting."""
    world = World(ServiceSettings(poll_after_s=7))

    assert world.call("GET", f"/v1/jobs/{world.submit()}").headers["Retry-After"] == "7"


def test_keys_need_a_store(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a store the command for keys says which setting is missing."""
    monkeypatch.delenv("MODELPRESS_S3_ENDPOINT", raising=False)
    status = main(["create", "--tenant", "acme"])

    assert status == 1
    assert "MODELPRESS_S3_ENDPOINT" in capsys.readouterr().err
