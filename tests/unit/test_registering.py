"""What a worker does to have a result registered, and what it does without when that fails."""

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from jobs import registering
from jobs.settings import WorkerSettings
from jobs.state.records import Job

SETTINGS = WorkerSettings(mlflow_tracking_uri="https://user:word@mlflow.example", mlflow_timeout_s=20)
JOB = Job(
    id="job_1",
    tenant="speech",
    kind="compression",
    request={"steps": []},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    queued_at=datetime(2026, 1, 1, tzinfo=UTC),
    labels={registering.LABEL: "encoder"},
)
KEEP = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"


def offered(job: Job = JOB, settings: WorkerSettings = SETTINGS) -> str:
    """Return what is said of the job's result."""
    return registering.offer(settings, job, source="s3://bucket/files", report={"steps": []}, manifest={"files": []})


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where a program that stands in for the registry's keeps what it is told."""
    monkeypatch.setattr(registering, "_PROGRAM", (sys.executable, "-c", KEEP, str(tmp_path / "heard")))
    return tmp_path / "heard"


@pytest.fixture
def impatient() -> Iterator[None]:
    """Have the job's time end in a second."""

    def end(*_: Any) -> None:
        raise JobTimeoutException("Task exceeded maximum timeout value.")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(1)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_the_program_is_told_all_there_is_to_say(heard: Path) -> None:
    """Server, name with its tenant, source and the three documents arrive, and nothing of it on the command line."""
    assert offered() == "Registered in MLflow as a version of speech.encoder."
    assert json.loads(heard.read_text()) == {
        "tracking_uri": SETTINGS.mlflow_tracking_uri,
        "name": "speech.encoder",
        "source": "s3://bucket/files",
        "job": {"id": "job_1", "request": {"steps": []}},
        "report": {"steps": []},
        "manifest": {"files": []},
    }


@pytest.mark.parametrize(
    ("job", "settings"),
    [
        pytest.param(replace(JOB, labels={}), SETTINGS, id="no label"),
        pytest.param(replace(JOB, kind="plan"), SETTINGS, id="no model"),
        pytest.param(replace(JOB, parent="job_0"), SETTINGS, id="a point of a landscape"),
        pytest.param(JOB, WorkerSettings(), id="no server"),
    ],
)
def test_what_is_not_meant_is_not_registered(heard: Path, job: Job, settings: WorkerSettings) -> None:
    """Only compressions that were asked for by themselves, with the label, are, and only where there is a server."""
    assert offered(job, settings) == ""
    assert not heard.exists()


def test_a_program_that_fails_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The caller is warned in general words; the log has the last of the program's."""
    monkeypatch.setattr(registering, "_PROGRAM", (sys.executable, "-c", "import sys; sys.exit('no such host')"))

    assert offered().startswith("Warning: the result was not registered in MLflow")
    assert "no such host" in caplog.text


def test_a_server_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After its time, the program is ended."""
    monkeypatch.setattr(registering, "_PROGRAM", ("sleep", "60"))

    assert offered(settings=replace(SETTINGS, mlflow_timeout_s=1)).startswith("Warning")
    assert "did not answer within 1 s" in caplog.text


@pytest.mark.usefixtures("impatient")
def test_the_end_of_the_jobs_time_costs_a_registration_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose time ends while a registry is spoken to has its result, and only the registry has not."""
    monkeypatch.setattr(registering, "_PROGRAM", ("sleep", "60"))

    assert offered().startswith("Warning")
