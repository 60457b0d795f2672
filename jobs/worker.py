"""``python -m jobs.worker``: takes jobs from the queue and runs each in a process of its own.

The parent loads the libraries once, so that a forked child starts at once. It never computes, starts no threads and
leaves the GPU alone, because a process that did could not be forked safely. It looks after the child: prolongs its
lease, ends it when it is cancelled or takes too long, and hands its job on when it dies.
"""

import ctypes
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq.executions import Execution
from rq.job import Job as Transport
from rq.queue import Queue
from rq.worker import Worker
from ulid import ULID

from jobs.contract.errors import ModelPressError, QueueError, StorageError
from jobs.contract.state import JobState
from jobs.scratch import empty, scratch_folder, sweep, unique_worker_name
from jobs.settings import WorkerSettings, compute_single_threaded
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from jobs.state.opening import State, redis_client
from jobs.state.queue import QUEUE_NAME, SERIALIZER, RefusedJobError, SafeJob
from jobs.state.records import AttemptLostError, Job, run_timeout_error, utc_now
from jobs.state.settings import SettingsError, StateSettings

IDLE_TTL_S = 30
"""How long an idle worker may be silent; it waits half of it for a job."""
OVERTIME_S = 10
"""How long a child may ignore the end of its time before it is killed."""
_PR_SET_PDEATHSIG = 1
_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    QueueError,
    StorageError,
    AccessRefusedError,
    ObjectMissingError,
)
"""What Redis or the store may meet with that a job under way should survive."""
log = logging.getLogger("modelpress.worker")


@dataclass(slots=True)
class Watch:
    """What the parent has seen of the child that it looks after."""

    began: float = field(default_factory=time.monotonic)
    held: bool = False
    missed: int = 0
    cancelling_since: float | None = None

    def see(self, state: JobState | None) -> None:
        """Take note of the job's state; None when the lease is not ours (yet, or any more)."""
        self.missed = 0 if state is not None else self.missed + 1
        self.held = self.held or state is not None
        if state is JobState.CANCELLING and self.cancelling_since is None:
            self.cancelling_since = time.monotonic()

    @property
    def lost(self) -> bool:
        """Return whether the lease was ours and is no longer, twice in a row: a child that ends needs a moment."""
        return self.held and self.missed > 1


class SafeWorker(Worker):
    """RQ's worker, made to lose nothing: children die with it, and a Redis that is away for a while harms nobody."""

    job_class = SafeJob

    def __init__(self, state_settings: StateSettings, settings: WorkerSettings) -> None:
        super().__init__(
            [QUEUE_NAME],
            name=unique_worker_name(str(ULID())),
            connection=redis_client(state_settings, decode=False),
            worker_ttl=IDLE_TTL_S,
            job_class=SafeJob,
            serializer=SERIALIZER,
            job_monitoring_interval=settings.heartbeat_s,
            log_job_description=False,
        )
        self.settings = settings
        self.backing = State.open(state_settings)
        self.folder = scratch_folder(Path(settings.temp_dir), self.name)
        self.watch = Watch()
        self.told_to_stop: float | None = None

    def subscribe(self) -> None:
        """Take no commands over Redis: they would need a thread, and a process that forks must not have one."""

    def unsubscribe(self) -> None:
        """Undo ``subscribe``."""

    def handle_warm_shutdown_request(self) -> None:
        """Remember since when the worker is told to stop; the job under way may go on for a while."""
        self.told_to_stop = time.monotonic()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]

    def execute_job(self, job: Transport, queue: Queue) -> None:
        """Run the job in a child and look after it until it ends."""
        self.watch = Watch()
        try:
            super().execute_job(job, queue)
        finally:
            empty(self.folder)

    def main_work_horse(self, job: Transport, queue: Queue) -> None:
        """Be the child: never outlive the parent."""
        _die_with(self.pid)
        super().main_work_horse(job, queue)

    def maintain_heartbeats(self, job: Transport, execution: Execution) -> None:
        """Prolong what must not lapse while the child works, and end the child if it must not go on."""
        try:
            super().maintain_heartbeats(job, execution)
            self.watch.see(self.backing.ledger.heartbeat(_ledger_id(job), self.name))
        except _AWAY as error:
            log.warning("A heartbeat was missed: %s", error)
        reason = self._reason_to_end(job)
        if reason:
            log.warning("The child of %s is ended: %s.", job.id, reason)
            self.kill_horse()

    def handle_work_horse_killed(self, job: Transport, retpid: int, ret_val: int, rusage: Any) -> None:
        """Hand the job of a child that died on to its next attempt, or end it."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]
        try:
            self._hand_on(_ledger_id(job), ret_val)
        except _AWAY as error:
            log.warning("%s is left to the janitor: %s", job.id, error)

    def _reason_to_end(self, job: Transport) -> str | None:
        now, watch = time.monotonic(), self.watch
        if now - watch.began > float(job.timeout or 0) + OVERTIME_S:
            return "its time is over"
        if watch.cancelling_since is not None and now - watch.cancelling_since > self.settings.cancel_grace_s:
            return "it was cancelled"
        if self.told_to_stop is not None and now - self.told_to_stop > self.settings.stop_grace_s:
            return "the worker is told to stop"
        return "another attempt owns the job" if watch.lost else None

    def _hand_on(self, job_id: str, wait_status: int) -> None:
        job = self.backing.ledger.find(job_id)
        if job is None or job.worker != self.name:
            return
        after = self.backing.ledger.abandon(job, _why(job, wait_status))
        if after is not None and after.state is JobState.QUEUED:
            self.backing.queue.enqueue(after.id, after.limits.run_timeout_s, attempt=after.attempt + 1)


def main() -> int:
    """Work until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    compute_single_threaded()
    try:
        state_settings, settings = StateSettings.from_env(), WorkerSettings.from_env()
    except SettingsError as error:
        sys.exit(str(error))
    sweep(Path(settings.temp_dir))
    import_module("jobs.preloading").preload()  # not before the line that keeps torch from starting threads
    worker = SafeWorker(state_settings, settings)
    worker.work(logging_level="WARNING")
    return 0 if worker.told_to_stop is not None else 1


def _ledger_id(job: Transport) -> str:
    try:
        return job.ledger_id if isinstance(job, SafeJob) else ""
    except RefusedJobError:
        return ""


def _why(job: Job, wait_status: int) -> ModelPressError:
    if job.overdue(utc_now()):
        return run_timeout_error(job)
    signalled = os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else None
    how = f"was ended by signal {signalled}" if signalled else f"ended with code {wait_status}"
    return AttemptLostError(f"The process of the attempt {how}; if it happens again, it may need too much memory.")


def _die_with(parent: int | None) -> None:
    """Ask Linux to end this process with its parent; elsewhere the lease lapses instead."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
