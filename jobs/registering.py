"""Results in the operator's model registry, MLflow: those whose callers named a model by the label ``mlflow_model``.

The registry is spoken to by a process of its own, ``python -m modelpress.mlflow`` of the client's package: neither its
libraries nor its troubles are the worker's. Whatever it meets with, the job goes on.
"""

import json
import logging
import subprocess
import sys

from rq.timeouts import JobTimeoutException

from jobs.contract.spec import Json
from jobs.contract.state import JobKind
from jobs.settings import WorkerSettings
from jobs.state.records import Job

LABEL = "mlflow_model"
_PROGRAM = (sys.executable, "-m", "modelpress.mlflow")
log = logging.getLogger("modelpress.registering")


def offer(settings: WorkerSettings, job: Job, *, source: str, report: Json, manifest: Json) -> str:
    """Register what *job* has published, if it is to be; return what became of it, nothing where it is not.

    Points of a landscape are not: they are many, and its labels are theirs.

    Args:
        settings: name the registry.
        job: whose result it is.
        source: URI of the folder with the files.
        report: the report as it was published.
        manifest: likewise.
    """
    wanted = settings.mlflow_tracking_uri and job.kind == JobKind.COMPRESSION and job.parent is None
    if not wanted or LABEL not in job.labels:
        return ""
    name = f"{job.tenant}.{job.labels[LABEL]}"
    asked = {
        "tracking_uri": settings.mlflow_tracking_uri,
        "name": name,
        "source": source,
        "job": {"id": job.id, "request": job.request},
        "report": report,
        "manifest": manifest,
    }
    if not (trouble := _trouble(json.dumps(asked), settings.mlflow_timeout_s)):
        return f"Registered in MLflow as a version of {name}."
    log.warning("%s was not registered in MLflow: %s", job.id, trouble)
    return "Warning: the result was not registered in MLflow; the service's operator finds why in the log."


def _trouble(asked: str, patience_s: int) -> str:
    """Run the program and return its last words, if it failed."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            _PROGRAM, input=asked, capture_output=True, text=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {patience_s} s."
    except (OSError, JobTimeoutException) as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"code {done.returncode}").splitlines()[-1]
