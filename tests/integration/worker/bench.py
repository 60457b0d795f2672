"""A bench for worker tests: a state of its own, real worker processes, and jobs that do what they are told."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from waiting import wait

from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.opening import State
from jobs.state.records import Job
from jobs.state.settings import StateSettings

PROGRAM = Path(__file__).with_name("worker_program.py")
ROOT = Path(__file__).parents[3]
TENANT = "acme"


@dataclass
class Bench:
    """Starts workers and jobs, and waits for them."""

    environment: Mapping[str, str]
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the state that the workers will use."""
        self.state = State.open(StateSettings.from_env(self.environment))
        self.janitor = Janitor(self.state.ledger, self.state.queue, self.state.landscapes)

    def start_worker(self, *, program: Path = PROGRAM, **settings: str) -> subprocess.Popen[bytes]:
        """Start a worker and return once it listens."""
        before = self.state.redis.scard("rq:workers")
        environment = {**os.environ, **self.environment, **settings, "PYTHONPATH": str(ROOT)}
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen([sys.executable, str(program)], env=environment, stdout=log, stderr=log)
        self.workers.append(worker)
        wait(lambda: self._listens(worker, before))
        return worker

    def _listens(self, worker: subprocess.Popen[bytes], before: int) -> bool:
        if worker.poll() is not None:
            raise RuntimeError((self.folder / "worker.log").read_text()[-2000:])
        return self.state.redis.scard("rq:workers") > before

    def submit(self, do: str, *, run_timeout_s: int = 60, mark: str = "mark", tenant: str = TENANT) -> Job:
        """Accept and enqueue a job that does *do*."""
        request = {
            "model": {"uri": "s3://bench-models/tiny"},
            "steps": [{"technique": "low_rank"}],
            "limits": {"run_timeout_s": run_timeout_s},
            "labels": {"do": do, "mark": str(self.folder / mark)},
        }
        job = self.state.ledger.accept(tenant, "compression", request)
        self.state.queue.enqueue(job)
        return job

    def job(self, job: Job) -> Job:
        """Return the job as it is now."""
        found = self.state.ledger.show(job.tenant, job.id)
        if found is None:
            raise LookupError(job.id)
        return found

    def wait_ended(self, job: Job, *, rounds: bool = False) -> Job:
        """Return the job once it has ended, with the janitor making *rounds* meanwhile."""

        def ended() -> bool:
            if rounds:
                self.janitor.round()
            return self.job(job).state.terminal

        wait(ended)
        return self.job(job)

    def wait_working(self, job: Job, mark: str = "mark") -> int:
        """Return the process id of the child once it works."""
        wait(lambda: self.job(job).state is JobState.RUNNING and bool(list(self.folder.glob(f"{mark}.*"))))
        return int(next(iter(self.folder.glob(f"{mark}.*"))).suffix[1:])

    def story(self, job: Job) -> list[str]:
        """Return the states that the job's events tell of."""
        events = self.state.events.page(job.id, limit=1000)
        return [each["data"]["state"] for each in events if each["type"] == "state"]

    def stop(self) -> None:
        """End every worker."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
            worker.wait()
