"""What health checks ask of workers, janitor and courier."""

import os
import time
from pathlib import Path

import pytest

from jobs import pulse


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_who_goes_on_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """A process that has just gone round is alive, and others are not told by it."""
    pulse.beat("janitor")

    assert pulse.main("janitor") == 0
    assert pulse.main("courier") == 1
    assert capsys.readouterr().out == "The janitor was heard of 0 s ago.\nNothing was heard of a courier yet.\n"


def test_who_is_silent_for_too_long_is_not(tmp_path: Path) -> None:
    """A process that hangs for longer than a store may make it is to be restarted."""
    pulse.beat("worker")
    ago = time.time() - pulse.SILENT_S
    os.utime(tmp_path / "modelpress-worker.pulse", (ago, ago))

    assert pulse.main("worker") == 1


def test_a_full_disk_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be noted the process goes on all the same."""
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    pulse.beat("worker")

    assert pulse.silent_s("worker") is None
