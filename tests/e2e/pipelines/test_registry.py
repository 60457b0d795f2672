"""Results in MLflow's registry: by the worker, which does without, and by the client."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from example_runs import printed, reaching
from http_calls import HEADS, QUICK
from modelpress import Job, ModelPress
from waiting import wait

from deploy.embedded.stack import Stack

TENANT = "local"
with_mlflow = pytest.mark.skipif(
    find_spec("mlflow") is None or find_spec("sqlalchemy") is None,
    reason="mlflow is not installed: make test-pipelines",
)


def compressed(press: ModelPress, model_uri: str, **labels: str) -> Job:
    """Return the job of a compression that has succeeded."""
    job = press.compress(model=model_uri, steps=[HEADS], profile=QUICK, labels=labels).wait(timeout=200)
    assert job.state == "succeeded", job.error
    return job


def told(job: Job) -> list[str]:
    """Return what the events say of MLflow."""
    return [event.message for event in job.events() if "MLflow" in event.message]


def test_a_registry_that_is_away_costs_a_warning(press: ModelPress, model_uris: Mapping[str, str]) -> None:
    """A job whose result cannot be registered succeeds, and an event says that it was not."""
    (warning,) = told(compressed(press, model_uris["bert"], mlflow_model="encoder"))

    assert warning.startswith("Warning: the result was not registered in MLflow")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Give the address of a tracking server where the stack's worker looks for one."""
    url = os.environ["MODELPRESS_MLFLOW_TRACKING_URI"]
    port = str(httpx.URL(url).port)
    store = ("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--default-artifact-root", f"{tmp_path}/files")
    command = (sys.executable, "-m", "mlflow", "server", "--port", port, "--workers", "1", *store)
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path) as run:
        try:
            wait(lambda: _answers(f"{url}/health"))
            yield url
        finally:
            run.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


@pytest.mark.slow
@with_mlflow
def test_a_worker_registers_what_it_made(press: ModelPress, model_uris: Mapping[str, str], server: str) -> None:
    """The label names the model; its new version leads to files, job and source, and its run has the figures."""
    from mlflow import MlflowClient  # noqa: PLC0415 - not installed everywhere

    job = compressed(press, model_uris["bert"], mlflow_model="encoder")
    client = MlflowClient(server, server)
    version = client.get_model_version(f"{TENANT}.encoder", "1")
    run = client.get_run(version.run_id)

    assert told(job) == [f"Registered in MLflow as a version of {TENANT}.encoder."]
    assert version.tags["modelpress.job"] == job.id
    assert version.tags["modelpress.source_uri"] == model_uris["bert"]
    assert version.source.startswith("s3://modelpress/")
    assert run.data.metrics["compressed.params_total"] == job.report().compressed.params_total


@pytest.mark.slow
@with_mlflow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's use of SQLAlchemy
def test_a_client_registers_a_copy_once(
    stack: Stack, press: ModelPress, model_uris: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example's version is a model that loads from the registry, and registering its job again adds none."""
    import mlflow  # noqa: PLC0415 - not installed everywhere
    import modelpress  # noqa: PLC0415
    from modelpress.mlflow import register  # noqa: PLC0415

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    said = printed(
        "registry.py", model_uris["bert"], "encoder", home=tmp_path, MLFLOW_TRACKING_URI=uri, **reaching(stack)
    )
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(uri)
    version = mlflow.MlflowClient().get_model_version("encoder", "1")
    job = press.job(version.tags["modelpress.job"])
    folder = mlflow.artifacts.download_artifacts("models:/encoder/1")

    assert said.startswith("encoder, version 1\n")
    assert f"modelpress.request_sha256: {job.artifacts().request_sha256}" in said
    assert modelpress.verify(folder).exact
    assert register(job, "encoder").version == 1
    assert "parameters" in version.description
