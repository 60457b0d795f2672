"""What is said of known vulnerabilities."""

import json
import subprocess
from typing import Any

import pytest

from deploy import audit

SAFE = {"name": "flask", "version": "3.1.3", "vulns": []}
HOLED = {"name": "torch", "version": "2.5.1", "vulns": [{"id": "PYSEC-2025-41", "fix_versions": ["2.6.0"]}]}
UNKNOWN = {"name": "rq", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        ([SAFE, UNKNOWN], 0, "1 of 2 pinned versions looked up, 0 advisories."),
        ([SAFE, HOLED], 1, "torch 2.5.1: PYSEC-2025-41, fixed in 2.6.0"),
        ([UNKNOWN], 0, "None of 1 pinned versions could be looked up"),
    ],
)
def test_an_advisory_fails_and_silence_is_not_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: list[Any], status: int, said: str
) -> None:
    """A pinned version with a hole fails the check; one that cannot be looked up is said to be unknown."""
    answer = subprocess.CompletedProcess((), 0, stdout=json.dumps({"dependencies": found}), stderr="")
    monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: answer)

    assert audit.main() == status
    assert said in capsys.readouterr().out


def test_an_advisory_service_that_is_away_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without network the check passes and says why it knows nothing."""
    answer = subprocess.CompletedProcess((), 1, stdout="", stderr="ConnectionError: no route to host")
    monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: answer)

    assert audit.main() == 0
    assert "no route to host" in capsys.readouterr().out


def test_every_accepted_advisory_has_a_reason() -> None:
    """Nobody lives with a hole without saying why."""
    assert all(len(reason.split()) > 3 for reason in audit.ACCEPTED.values())
