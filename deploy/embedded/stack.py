"""Everything ModelPress needs, on loopback, below one folder."""

import contextlib
import os
import secrets
import sys
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.embedded import supervisor
from deploy.embedded.ports import LOOPBACK, Ports, is_free
from deploy.embedded.processes import Processes, Program, locked, write_private
from deploy.embedded.redis import EmbeddedRedis
from deploy.embedded.swift import BACKENDS, PROXY, EmbeddedSwift
from jobs.state.opening import State
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "modelpress"
MODELS_BUCKET = "models"
TENANT = "local"
WEB = "service"
WEB_WORKERS = 2
STATE_VARIABLE = "MODELPRESS_STATE"
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "SSL_CERT_FILE",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_TOKEN",
    "MODELPRESS_WEBHOOK_HOSTS",
    "MODELPRESS_MLFLOW_TRACKING_URI",
)


def state_folder() -> Path:
    """Return where all state is kept: what the environment names, else ``.modelpress`` in the project."""
    return Path(os.environ.get(STATE_VARIABLE, ROOT / ".modelpress"))


class Stack:
    """The embedded stack: ``with Stack(folder) as stack:`` starts it, and stops it however the block ends.

    ``start()`` and ``stop()`` may be repeated; what runs already is left alone, what died is started again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.processes = Processes(self.folder)
        self._ports = Ports(self.folder / "ports.json")
        self._key_file = self.folder / "api_key"
        self._redis = EmbeddedRedis(self.folder / "redis", self._ports)
        self._swift = EmbeddedSwift(self.folder / "swift", self._ports)

    def __enter__(self) -> Self:
        """Start everything, to be stopped when this process ends, even if it is killed."""
        try:
            self.start(owner=os.getpid())
        except BaseException:  # whatever ended the start: no block follows that would stop what runs already
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.stop()

    @property
    def url(self) -> str:
        """Return the base URL of the service."""
        return f"http://{LOOPBACK}:{self._ports.of(WEB)}"

    @property
    def api_key(self) -> str:
        """Return the key that ``start`` made."""
        return self._key_file.read_text()

    @property
    def env_file(self) -> Path:
        """Return the file of ``NAME=value`` lines that a shell or a script may read."""
        return self.folder / "env"

    @property
    def settings(self) -> dict[str, str]:
        """Return the ``MODELPRESS_*`` settings that reach Redis and the store."""
        access = self._swift.access
        return {
            "MODELPRESS_REDIS_URL": self._redis.url,
            "MODELPRESS_S3_ENDPOINT": access.endpoint,
            "MODELPRESS_S3_PUBLIC_ENDPOINT": access.endpoint,
            "MODELPRESS_S3_REGION": access.region,
            "MODELPRESS_S3_ACCESS_KEY": access.access_key,
            "MODELPRESS_S3_SECRET_KEY": access.secret_key,
            "MODELPRESS_BUCKET": BUCKET,
        }

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of the stack's own Python programs: one computing thread each."""
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        ours = {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(scratch),
            "OMP_NUM_THREADS": "1",
            "MODELPRESS_STOP_GRACE_S": "5",  # a running job is handed on well before the worker would be killed
        }
        return passed_on | ours | self.settings

    def start_stores(self, owner: int | None = None) -> None:
        """Start Redis and the store, with their buckets."""
        with locked(self.folder / "start.lock"):
            self._move_from_taken_ports()
            self.processes.start(self._redis.program())
            if not self.processes.running(self._swift.name):
                self.processes.start(self._swift.program(self.environment))
            self.processes.wait_ready(self._redis.name, self._redis.ready)
            self.processes.wait_ready(self._swift.name, self._swift.ready)
            for bucket in (BUCKET, MODELS_BUCKET):
                self.store(bucket).ensure_bucket()
            self._supervise(owner)

    def start(self, owner: int | None = None) -> None:
        """Start everything; with *owner*, a process id, all of it ends when that process does.

        Raises:
            StartError: a part did not start; the message ends with its log.
        """
        self.start_stores(owner)
        with locked(self.folder / "start.lock"):
            for program in self._own_programs():
                self.processes.start(program)
            self.processes.wait_ready(WEB, self._ready)
            self._ensure_key()
            self._write_env()
            self._supervise(owner)

    def stop(self) -> None:
        """Stop whatever runs; the state stays for the next start."""
        self.processes.stop(supervisor.NAME, "courier", "janitor", "worker", WEB, self._swift.name, self._redis.name)

    def store(self, bucket: str = BUCKET) -> S3Store:
        """Return the store, at *bucket*."""
        return S3Store.from_settings(StateSettings.from_env(self.settings)).in_bucket(bucket)

    def _own_programs(self) -> list[Program]:
        environment = self.environment
        service = (
            *("gunicorn", "service.wsgi:app", "--config", "python:service.serving"),
            *("--bind", f"{LOOPBACK}:{self._ports.of(WEB)}"),
            *("--workers", str(WEB_WORKERS)),
            *("--worker-tmp-dir", environment["TMPDIR"], "--no-control-socket"),
        )
        signing = {
            "MODELPRESS_PAGE_SECRET": self._kept_secret("page_secret"),
            "MODELPRESS_METRICS_TOKEN": self._kept_secret("metrics_token"),
        }
        return [
            Program(name, (sys.executable, "-m", *command), environment | self._as(name) | extra, str(ROOT))
            for name, command, extra in (
                (WEB, service, signing),
                ("worker", ("jobs.worker",), {}),
                ("janitor", ("jobs.janitor",), {}),
                ("courier", ("jobs.courier",), {}),
            )
        ]

    def _as(self, name: str) -> dict[str, str]:
        """Return how the program *name* reaches Redis: with no more rights than it has anywhere."""
        return {"MODELPRESS_REDIS_URL": self._redis.url_of(name if name in {WEB, "courier"} else "worker")}

    def _kept_secret(self, name: str) -> str:
        """Return the secret *name*: made once, so that sessions and scrapers outlast a restart."""
        file = self.folder / name
        if not file.exists():
            write_private(file, secrets.token_urlsafe(32))
        return file.read_text()

    def _supervise(self, owner: int | None) -> None:
        command = (sys.executable, "-m", "deploy.embedded.supervisor", str(self.folder))
        arguments = () if owner is None else (str(owner),)
        self.processes.start(Program(supervisor.NAME, command + arguments, self.environment, str(ROOT)))

    def _ensure_key(self) -> None:
        state = State.open(StateSettings.from_env(self.settings))
        with contextlib.closing(state.redis):
            if not self._key_file.exists() or state.keys.identify(self.api_key) is None:
                write_private(self._key_file, state.keys.create(TENANT, "embedded stack"))

    def _write_env(self) -> None:
        values = {"MODELPRESS_URL": self.url, "MODELPRESS_API_KEY": self.api_key, **self.settings}
        write_private(self.env_file, "".join(f"{name}={value}\n" for name, value in values.items()))

    def _move_from_taken_ports(self) -> None:
        listeners = {self._redis.name: [self._redis.name], self._swift.name: [*BACKENDS, PROXY], WEB: [WEB]}
        idle = [port for name, ports in listeners.items() if not self.processes.running(name) for port in ports]
        taken = [port for port in idle if not is_free(self._ports.of(port))]
        if taken:
            self.stop()  # the others were told the old port
            self._ports.forget(*taken)

    def _ready(self) -> bool:
        connection = HTTPConnection(LOOPBACK, self._ports.of(WEB), timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
