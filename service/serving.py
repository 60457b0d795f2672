"""How gunicorn serves: ``gunicorn --config python:service.serving service.wsgi:app``."""

import shutil
import tempfile
from importlib import import_module
from typing import Any, Protocol

from gunicorn.glogging import Logger

from jobs.telemetry.logs import formatter
from jobs.telemetry.settings import TelemetrySettings
from service.settings import ServiceSettings, share_counters, shared_counters

SETTINGS = ServiceSettings.from_env()
worker_class = "gthread"
threads = SETTINGS.web_threads + SETTINGS.streams
"""Every open stream keeps a thread, and however many there are, others are left for everybody else."""

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
"""Of a request's head [bytes]; a larger one is answered 400 before the application sees it."""
UNREAD_MAX_BYTES = 65_536
"""What gunicorn reads of a body that the application left, to keep the connection."""


class IncomingRequest(Protocol):
    """What gunicorn tells of a request before it is answered."""

    headers: list[tuple[str, str]]

    def force_close(self) -> None:
        """Answer with ``Connection: close``, and close."""


class Worker(Protocol):
    """A process of gunicorn's: what serves, and whether it is to go on."""

    pid: int
    alive: bool
    wsgi: Any


class Log(Logger):  # type: ignore[misc]
    """gunicorn's own log, like that of everything else."""

    def setup(self, cfg: Any) -> None:
        """Write it as the settings want it."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter(TelemetrySettings.from_env()))


logger_class = Log


def on_starting(server: object) -> None:
    """Give the processes of this server a folder to count in together, before any of them loads what counts."""
    share_counters(tempfile.mkdtemp(prefix="modelpress-metrics-"))


def child_exit(server: object, worker: Worker) -> None:
    """Keep what a process that ended has counted, but not what it was in the middle of."""
    import_module("prometheus_client.multiprocess").mark_process_dead(worker.pid)


def on_exit(server: object) -> None:
    """Remove the folder."""
    shutil.rmtree(shared_counters() or "", ignore_errors=True)


def pre_request(worker: object, request: IncomingRequest) -> None:
    """Give a large body a connection of its own.

    An answer may come before the body was read (401, 404, 413, 415). Where too much of it is left, gunicorn closes
    the connection, and a caller who was not told so loses the next request that it sends there.
    """
    headers = dict(request.headers)
    if "TRANSFER-ENCODING" in headers or int(headers.get("CONTENT-LENGTH", 0)) > UNREAD_MAX_BYTES:
        request.force_close()


def post_worker_init(worker: Worker) -> None:
    """Let streams end when the process is told to stop: their readers open others elsewhere."""
    ports = import_module("service.ports")  # which loads what counts
    worker.wsgi.extensions[ports.EXTENSION].streams.stopping = lambda: not worker.alive
