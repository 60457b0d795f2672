"""Settings of the worker's side, beside those of the state and of the sources."""

import os
import tempfile
from dataclasses import dataclass, fields

from jobs.state.settings import Settings, environment_name, setting

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True, repr=False)
class WorkerSettings(Settings):
    """How workers and the janitor go about their work."""

    temp_dir: str = setting("folder for what a job needs on disk", tempfile.gettempdir())
    threads: int = setting("threads that a job computes with", 1, minimum=1)
    stream_above_bytes: int = setting(
        "weights of more than this go by layers from disk to disk, where the request can be met so",
        4 * 1024**3,
        unit="bytes",
        minimum=0,
    )
    quiet_timeout_s: int = setting(
        "how long timing waits for other jobs on the machine to pause before it goes ahead beside them",
        600,
        unit="s",
        minimum=0,
    )
    checkpoint_after_s: int = setting(
        "least work between two checkpoints of a job; one that takes less keeps none", 60, unit="s", minimum=0
    )
    memory_bytes_max: int = setting(
        "memory that a job may take; 0: nine tenths of the machine's or container's", 0, unit="bytes", minimum=0
    )
    disk_bytes_max: int = setting(
        "disk that a job may take below temp_dir; 0: as much as there is", 0, unit="bytes", minimum=0
    )
    heartbeat_s: int = setting("how often a worker looks after its job and prolongs its lease", 5, unit="s", minimum=1)
    cancel_grace_s: int = setting("how long a cancelled job may go on before it is killed", 30, unit="s", minimum=0)
    stop_grace_s: int = setting(
        "how long a worker that is told to stop gives its job to hand itself over", 30, unit="s", minimum=0
    )
    retry_delay_s: int = setting("how long a job waits after a failure of the store", 10, unit="s", minimum=0)
    mlflow_tracking_uri: str = setting(
        "MLflow's tracking server, which learns of results with the label mlflow_model; empty: none does",
        "",
        secret=True,
    )
    mlflow_timeout_s: int = setting("how long a worker waits for MLflow; the job goes on", 20, unit="s", minimum=1)
    janitor_s: float = setting("how often the janitor makes its round", 10.0, unit="s", minimum=0.1)


@dataclass(frozen=True, slots=True, repr=False)
class CourierSettings(Settings):
    """How webhooks are delivered."""

    courier_s: float = setting("how often the courier looks for webhooks that are due", 2.0, unit="s", minimum=0.1)
    courier_threads: int = setting("webhooks that the courier delivers at a time", 16, minimum=1)


def compute_single_threaded() -> None:
    """Keep the numeric libraries, which are not loaded yet, from starting threads: this process will fork."""
    for variable in _ONE_THREAD:
        os.environ[variable] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def forget_secrets(*known: type[Settings]) -> None:
    """Take the secrets of *known* settings, which were read, out of the environment: what is started inherits none."""
    for each in known:
        for name in (found.name for found in fields(each) if found.metadata["secret"]):
            os.environ.pop(environment_name(name), None)


def worker_name() -> str:
    """Return the name of the worker that this process belongs to, for the lease."""
    return os.environ.get("RQ_WORKER_ID") or f"process-{os.getpid()}"
