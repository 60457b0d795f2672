"""Results in MLflow's model registry: each a new version, with its figures and what it was made from.

Needs the extra ``[mlflow]``. What is registered opens again by ``modelpress.load(mlflow.artifacts.download_artifacts(
"models:/NAME/1"))``. Workers run this module as a program of its own (``main``), where their operator names a server.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES
from mlflow.exceptions import MlflowException

from modelpress import Job
from modelpress.lineage import PREFIX, Result
from modelpress.report import Report

EXPERIMENT = "modelpress"
FILES = "model"
"""Where a run has the files of the result."""
_TAKEN = "RESOURCE_ALREADY_EXISTS"


def register(
    job: Job,
    name: str,
    *,
    folder: str | Path | None = None,
    experiment: str = EXPERIMENT,
    client: MlflowClient | None = None,
) -> ModelVersion:
    """Return the version of the registered model *name* that is the result of *job*, which is new at the first call.

    The files are copied to where MLflow keeps artifacts. *folder* is where ``job.download`` has put them; without it,
    they are fetched on the way. A run of *experiment* has every figure as a metric, and request, report and manifest.
    *client* says which server; without it, MLflow's own settings do (``MLFLOW_TRACKING_URI``).

    Raises:
        NotReadyError: the job has not ended.
        JobFailedError: it ended without a result.
        ValueError: it is no compression.
    """
    if job.record.kind != "compression":
        raise ValueError(f"Expected the job of a compression; {job.id} is that of a {job.record.kind}.")
    result = Result(job.refresh().record.to_json(), job.report().to_json(), job.artifacts().to_json())
    registry = Registry(client or MlflowClient(), experiment)
    if (known := registry.known(name, job.id)) is not None:
        return known
    if folder is not None:
        return registry.copy(result, name, Path(folder))
    with tempfile.TemporaryDirectory() as fetched:
        return registry.copy(result, name, job.download(fetched))


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry of models, and the experiment that has a run for each of ours."""

    client: MlflowClient
    experiment: str = EXPERIMENT

    def known(self, name: str, job_id: str) -> ModelVersion | None:
        """Return the version of the model *name* that is the job's result, if it is registered."""
        found = self.client.search_model_versions(f"tags.`{PREFIX}job` = '{job_id}'")
        return next((each for each in found if each.name == name), None)

    def copy(self, result: Result, name: str, folder: Path) -> ModelVersion:
        """Register a copy of the files in *folder*."""
        with self._run(result) as run_id:
            self.client.log_artifacts(run_id, str(folder), FILES)
            root = self.client.get_run(run_id).info.artifact_uri
            return self._version(result, name, f"{root}/{FILES}", run_id)

    def refer(self, result: Result, name: str, source: str) -> ModelVersion:
        """Register the files at the URI *source*, which stay where they are."""
        with self._run(result) as run_id:
            return self._version(result, name, source, run_id)

    @contextmanager
    def _run(self, result: Result) -> Iterator[str]:
        """Give the id of a run that says all about *result*, and ends as the block does."""
        tags = result.lineage
        run_id = self.client.create_run(self._experiment_id(), run_name=result.job["id"], tags=tags).info.run_id
        state = "FAILED"
        try:
            now = round(time.time() * 1000)
            self.client.log_batch(run_id, [Metric(name, value, now, 0) for name, value in result.figures.items()])
            for name, document in (("request", result.job["request"]), ("report", result.report)):
                self.client.log_dict(run_id, document, f"{name}.json")
            yield run_id
            state = "FINISHED"
        finally:
            self.client.set_terminated(run_id, state)

    def _experiment_id(self) -> str:
        if (found := self.client.get_experiment_by_name(self.experiment)) is not None:
            return str(found.experiment_id)
        with _unless_taken():
            self.client.create_experiment(self.experiment)
        return str(self.client.get_experiment_by_name(self.experiment).experiment_id)

    def _version(self, result: Result, name: str, source: str, run_id: str) -> ModelVersion:
        with _unless_taken():
            self.client.create_registered_model(name)
        tags = result.lineage | result.headlines
        said = f"```\n{Report(result.report)}\n```"
        return self.client.create_model_version(name, source, run_id=run_id, tags=tags, description=said)


def main() -> int:
    """Register what stdin describes, for a worker, and return the exit code.

    stdin is one JSON object: ``tracking_uri``, ``name``, ``source`` (the URI of the files), and the documents ``job``,
    ``report`` and ``manifest``.
    """
    asked = json.load(sys.stdin)
    MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(1)  # the worker waits
    registry = Registry(MlflowClient(asked["tracking_uri"], asked["tracking_uri"]))
    result = Result(asked["job"], asked["report"], asked["manifest"])
    if registry.known(asked["name"], result.job["id"]) is None:
        registry.refer(result, asked["name"], asked["source"])
    return 0


@contextmanager
def _unless_taken() -> Iterator[None]:
    """Let what is to be made be there already: another may have made it at the same moment."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != _TAKEN:
            raise


if __name__ == "__main__":
    sys.exit(main())
