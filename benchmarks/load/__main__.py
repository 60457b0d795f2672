"""How much the service adds to bare Flask and to the object store, and whether it holds under load.

    python -m benchmarks.load [--rounds N] [--jobs N]

The service and a bare Flask view run under the same settings of gunicorn, beside a real Redis and a real S3 store, and
are asked in turns within one run. Every ratio is the median of the rounds'.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.load.wire import Request, percentile, prepared, times_s
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.stack import ROOT, Stack
from jobs.contract.spec import canonical_json
from jobs.state.opening import State
from jobs.state.records import Job
from jobs.state.settings import StateSettings
from service.streaming import PING_EVERY_S

RESULTS = Path(__file__).parents[1] / "results" / "load.json"
TENANT = "load"
BODY = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "head_pruning", "heads_removed": 0.5}]}
STREAMS, QUEUED = 50, 1000
NOTICED_S = 2 * PING_EVERY_S + 2
"""When the second ping has failed, at the latest, and the places of readers who are gone are free [s]."""
GETS, POSTS = 400, 40
AIMS = {"get": 0.6, "reading": None, "post": 0.7, "memory": 1.1, "queued": 1.5, "streams": 1.5}
PORTS = {"service": 18_431, "bare": 18_432, "reading": 18_433}
APPS = {
    "service": "service.wsgi:app",
    "bare": "benchmarks.load.bare:create()",
    "reading": "benchmarks.load.bare:create_reading()",
}


class Bench:
    """Two servers, a job to ask for, and the state behind it."""

    def __init__(self, state: State, key: str) -> None:
        self.state = state
        self.key = key
        self.job = state.ledger.accept(TENANT, "compression", BODY)
        path = f"/v1/jobs/{self.job.id}"
        self.gets = {name: prepared(port, "GET", path, key) for name, port in PORTS.items()}
        self.post = prepared(PORTS["service"], "POST", "/v1/compressions", key, json.dumps(BODY).encode())

    def get_ratio(self, server: str = "service") -> float:
        """Return the throughput of *server* over that of the bare view."""
        took = {name: sum(times_s(self.gets[name], GETS)) for name in ("bare", server)}
        return took["bare"] / took[server]

    def post_ratio(self) -> float:
        """Return the time of the store's two writes over that of a request that needs them."""
        posts = sum(times_s(self.post, POSTS))
        began = time.perf_counter()
        for number in range(POSTS):
            self._write(f"load/{number}/request.json", canonical_json(self.job.to_request()))
            self._write(f"load/open/{number}", canonical_json({"tenant": TENANT}))
        return (time.perf_counter() - began) / posts

    def p99_ratio(self, hold: Callable[[], Any]) -> float:
        """Return the 99th percentile of GET while *hold* holds over that without."""
        without = percentile(times_s(self.gets["service"], GETS), 0.99)
        with hold():
            return percentile(times_s(self.gets["service"], GETS), 0.99) / without

    @contextmanager
    def streams(self) -> Iterator[None]:
        """Keep streams of events open."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"}
        path = f"http://{LOOPBACK}:{PORTS['service']}/v1/jobs/{self.job.id}/events"
        with ExitStack() as opened, httpx.Client(limits=httpx.Limits(max_connections=None)) as http:
            for _ in range(STREAMS):
                opened.enter_context(http.stream("GET", path, headers=headers, timeout=30)).raise_for_status()
            yield
        time.sleep(NOTICED_S)

    @contextmanager
    def queued(self) -> Iterator[None]:
        """Keep jobs on the queue."""
        jobs = [self._waiting() for _ in range(QUEUED)]
        yield
        for job in jobs:
            self.state.queue.drop(job)

    def _waiting(self) -> Job:
        job = Job.from_request({**self.job.to_request(), "id": f"job_{os.urandom(13).hex().upper()}"})
        self.state.queue.enqueue(job)
        return job

    def _write(self, key: str, body: bytes) -> None:
        self.state.store.put(key, body)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=10_000, help="of the memory's question; 0 leaves it out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as stack:
        state = State.open(StateSettings.from_env(stack.settings))
        bench = Bench(state, state.keys.create(TENANT, "load"))
        with served(stack, bench, Path(folder)) as pids:
            figures = measured(bench, asked.rounds)
            if asked.jobs:
                figures["memory"] = [memory_ratio(bench.post, pids["service"], asked.jobs)]
    keep(figures, asked.rounds, asked.jobs)


@contextmanager
def started(folder: Path) -> Iterator[Stack]:
    """Run Redis and the store, and nothing that would take jobs from the queue."""
    stack = Stack(folder)
    try:
        stack.start_stores(owner=os.getpid())
        yield stack
    finally:
        stack.stop()


def measured(bench: Bench, rounds: int) -> dict[str, list[float]]:
    """Return the ratios of each question, round by round."""
    questions: dict[str, Callable[[], float]] = {
        "get": bench.get_ratio,
        "reading": lambda: bench.get_ratio("reading"),
        "post": bench.post_ratio,
        "streams": lambda: bench.p99_ratio(bench.streams),
        "queued": lambda: bench.p99_ratio(bench.queued),
    }
    bench.get_ratio()  # whatever is done only once is done now
    figures: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(rounds):
        for name, question in questions.items():
            figures[name].append(round(question(), 3))
            print(name, figures[name][-1], flush=True)
    return figures


def memory_ratio(post: Request, pid: int, jobs: int) -> float:
    """Return the memory of the service's processes after *jobs* jobs over that after a tenth of them."""
    times_s(post, jobs // 10)
    before = resident_bytes(pid)
    times_s(post, jobs - jobs // 10)
    return round(resident_bytes(pid) / before, 3)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in (pid, *children)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served(stack: Stack, bench: Bench, folder: Path) -> Iterator[dict[str, int]]:
    """Run the service and the bare view, and give their process ids."""
    body = folder / "body.json"
    body.write_bytes(canonical_json(bench.job.to_resource()))
    limits = {f"MODELPRESS_{name}": "1000000000" for name in ("RATE_LIMIT", "QUOTA_OPEN_JOBS", "QUEUE_LIMIT_JOBS")}
    limits["BARE_BODY"] = str(body)
    environment = {**stack.environment, **limits}
    with ExitStack() as running:
        pids = {}
        for name, app in APPS.items():
            options = ("--config", "python:service.serving", "--workers", "1", "--no-control-socket")
            command = (sys.executable, "-m", "gunicorn", app, *options, "--bind", f"{LOOPBACK}:{PORTS[name]}")
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
            running.callback(process.wait)
            running.callback(process.terminate)
            pids[name] = process.pid
            _wait_for(PORTS[name])
        yield pids


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            httpx.get(f"http://{LOOPBACK}:{port}/livez")
            return
        time.sleep(0.1)
    raise RuntimeError(f"Nothing answers on port {port}.")


def keep(figures: dict[str, list[float]], rounds: int, jobs: int) -> None:
    """Write and print what was found."""
    rows = {name: {"median": median(ratios), "rounds": ratios, "aim": AIMS[name]} for name, ratios in figures.items()}
    versions = {name: version(name) for name in ("flask", "gunicorn", "redis", "boto3", "swift")}
    machine = {"processors": os.cpu_count(), "load": os.getloadavg(), "system": platform.platform()}
    document = {"machine": machine, "versions": versions, "rounds": rounds, "jobs": jobs, "ratios": rows}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    for name, row in rows.items():
        print(f"{name:8} {row['median']:6.2f}  aim {row['aim']}")


if __name__ == "__main__":
    main()
