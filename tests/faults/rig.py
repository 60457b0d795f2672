"""A rig: all of ModelPress as real processes that tests kill, stop and cut off.

Every process carries the rig's mark in its environment, so that none can be forgotten. The store is shared with other
tests (the rig has a bucket of its own there); Redis is the rig's own, because it is killed too.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from redis import Redis
from redis.exceptions import RedisError
from store_proxy import StoreProxy
from waiting import marked, parent_of, runs, wait

from deploy.embedded.ports import LOOPBACK, free_port, is_free
from deploy.embedded.redis import find_binary
from jobs.state.opening import State
from jobs.state.records import Job
from jobs.state.settings import StateSettings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TENANT = "acme"
MODELS = "faults-models"
QUICK_SETTINGS = {
    "MODELPRESS_LEASE_S": "4",
    "MODELPRESS_HEARTBEAT_S": "1",
    "MODELPRESS_JANITOR_S": "0.2",
    "MODELPRESS_CANCEL_GRACE_S": "1",
    "MODELPRESS_STOP_GRACE_S": "20",
    "MODELPRESS_RETRY_DELAY_S": "0",
}
"""Everything as in production, only sooner."""


class OwnRedis:
    """A Redis with its append-only file, which can be killed and started again.

    Args:
        folder: of its file, which exists.
        mark: goes into its environment.
    """

    def __init__(self, folder: Path, mark: Mapping[str, str]) -> None:
        port = free_port(taken=set())
        self.url = f"redis://{LOOPBACK}:{port}/0"
        self._command = (
            *(str(find_binary()), "--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
        )
        self._folder = folder
        self._mark = dict(mark)

    def start(self) -> None:
        """Start, and return once it answers."""
        self.process = subprocess.Popen(self._command, env={"LC_ALL": "C", **self._mark}, stdout=subprocess.DEVNULL)
        wait(self._answers)

    def kill(self) -> None:
        """End at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def forget(self) -> None:
        """Lose what is on its disk."""
        shutil.rmtree(self._folder / "appendonlydir")

    def _answers(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False


@dataclass
class Rig:
    """Starts the processes, submits jobs to them and knows what was accepted.

    Attributes:
        store: settings that reach the object store.
        folder: for everything on disk.
        settings: of the rig's processes, over ``QUICK_SETTINGS``.
        accepted: the id of every job that was promised to a caller.
    """

    store: Mapping[str, str]
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start Redis and the proxies, and open the state beside them."""
        self.mark = {"MODELPRESS_RIG": uuid4().hex}
        self.redis = OwnRedis(self.folder, self.mark)
        self.redis.start()
        self.proxies = {name: StoreProxy(self.store["MODELPRESS_S3_ENDPOINT"]) for name in ("worker", "service")}
        self.environment = {
            **self.store,
            **QUICK_SETTINGS,
            **self.settings,
            "MODELPRESS_REDIS_URL": self.redis.url,
            "MODELPRESS_BUCKET": f"faults-{uuid4().hex[:12]}",
            "MODELPRESS_TEMP_DIR": str(self.scratch),
        }
        self.state = State.open(StateSettings.from_env(self.environment))
        self.state.store.ensure_bucket()
        models = self.state.store.in_bucket(MODELS)
        models.ensure_bucket()
        models.put("tiny/config.json", b"{}")
        models.put("tiny/model.safetensors", b"weights")

    @property
    def scratch(self) -> Path:
        """Return where workers keep what they need on disk."""
        return self.folder / "scratch"

    @property
    def at_store(self) -> StoreProxy:
        """Return the proxy between the workers and the store."""
        return self.proxies["worker"]

    def start_worker(self, **settings: str) -> subprocess.Popen[bytes]:
        """Start a worker and return once it listens."""
        worker = self._start("worker", (str(HERE / "faulty_worker.py"),), settings, self.at_store)
        wait(lambda: self._listens(worker))
        return worker

    def start_janitor(self, **settings: str) -> subprocess.Popen[bytes]:
        """Start a janitor."""
        return self._start("janitor", ("-m", "jobs.janitor"), settings, None)

    def start_service(self) -> subprocess.Popen[bytes]:
        """Start gunicorn, and return once it answers; ``api`` is a caller with a key.

        Workers of one that was killed listen for a moment more, and must not answer in its place.
        """
        wait(lambda: is_free(self.port))
        options = ("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket")
        command = ("-m", "gunicorn", "service.wsgi:app", "--config", "python:service.serving", *options)
        bound = ("--bind", f"{LOOPBACK}:{self.port}", "--worker-tmp-dir", str(self.folder))
        service = self._start("service", command + bound, {}, self.proxies["service"])
        wait(self._serves)
        return service

    @cached_property
    def port(self) -> int:
        """Return the port of the service."""
        return free_port(taken=set())

    @cached_property
    def api(self) -> httpx.Client:
        """Return a caller that carries a key."""
        key = self.state.keys.create(TENANT, "faults")
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=f"http://{LOOPBACK}:{self.port}", headers=headers, timeout=30)

    def request(self, do: str, *, mark: str = "mark", **limits: int) -> dict[str, Any]:
        """Return the body of a request for a job that does *do*."""
        return {
            "model": {"uri": f"s3://{MODELS}/tiny"},
            "steps": [{"technique": "low_rank", "rank_ratio": 0.5}],
            "limits": {"run_timeout_s": 60, **limits},
            "labels": {"do": do, "mark": str(self.folder / mark)},
        }

    def submit(self, do: str = "succeed", *, mark: str = "mark", **limits: int) -> Job:
        """Accept and announce a job that does *do*, as the service would."""
        request = self.request(do, mark=mark, **limits)
        job = self.state.ledger.accept(TENANT, "compression", request, labels=request["labels"])
        self.accepted.append(job.id)
        self.state.queue.enqueue(job)
        return job

    def job(self, job_id: str) -> Job:
        """Return the job as it is now."""
        found = self.state.ledger.show(TENANT, job_id)
        if found is None:
            raise LookupError(f"{job_id} was accepted and is not known any more")
        return found

    def ended(self, job_id: str) -> Job:
        """Return the job once it has ended."""
        wait(lambda: self.job(job_id).state.terminal)
        return self.job(job_id)

    def working(self, *, mark: str = "mark", but: int = 0) -> int:
        """Return the process id of a child that does *work* with this *mark*, once there is one other than *but*."""

        def children() -> list[int]:
            found = (int(path.suffix[1:]) for path in self.folder.glob(f"{mark}.*"))
            return [child for child in found if child != but and runs(child)]

        wait(children)
        return children()[0]

    def let_go(self, mark: str = "mark") -> None:
        """Let the jobs that do *work* with this *mark* come to their end."""
        (self.folder / mark).touch()

    def children(self, parent: int) -> list[int]:
        """Return the processes that *parent* has started and that live."""
        (mark,) = (f"{name}={value}" for name, value in self.mark.items())
        return [process for process in marked(mark) if parent_of(process) == parent]

    def log(self, name: str) -> str:
        """Return what the processes called *name* have written."""
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        """End everything."""
        for process in self.processes:
            kill(process)
        self.processes.clear()

    def close(self) -> None:
        """End everything, Redis and proxies too."""
        self.stop()
        self.redis.kill()
        for proxy in self.proxies.values():
            proxy.close()
        for client in (self.state.redis, self.state.clock._redis, self.state.queue._queue.connection):
            client.close()
        if "api" in vars(self):
            self.api.close()

    def _start(
        self, name: str, command: tuple[str, ...], settings: Mapping[str, str], proxy: StoreProxy | None
    ) -> subprocess.Popen[bytes]:
        endpoint = {"MODELPRESS_S3_ENDPOINT": proxy.url} if proxy else {}
        python = {"PYTHONPATH": f"{ROOT}", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        environment = {**os.environ, **self.environment, **endpoint, **settings, **self.mark, **python}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *command], env=environment, cwd=ROOT, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def _listens(self, worker: subprocess.Popen[bytes]) -> bool:
        if worker.poll() is not None:
            raise RuntimeError(self.log("worker")[-2000:])
        return any(f"-{worker.pid}-" in name for name in self.state.redis.smembers("rq:workers"))

    def _serves(self) -> bool:
        try:
            return httpx.get(f"http://{LOOPBACK}:{self.port}/livez").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9, and bury."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
