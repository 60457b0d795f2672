"""``python -m jobs.worker``: takes jobs from the queue and runs each in a process of its own.

The parent loads the libraries once, so that a forked child starts at once. It never computes, starts no threads and
leaves the GPU alone, because a process that did could not be forked safely. It looks after the child: prolongs its
lease, ends it when it is cancelled or takes too much time, memory or disk, and hands its job on when it dies.

Told to stop (SIGTERM), it tells the child, which hands its job over at the next report of progress; after
``stop_grace_s`` it does so itself. Told again, it ends at once.
"""

import logging
import os
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job as Transport
from rq.queue import Queue
from rq.worker import Worker
from rq.worker.base import WorkerStatus
from ulid import ULID

from jobs import stopping
from jobs.confining import die_with, limit_child
from jobs.contract.errors import ModelPressError, QueueError, StorageError
from jobs.contract.state import JobState
from jobs.pulse import beat
from jobs.scratch import empty, scratch_folder, sweep, unique_worker_name
from jobs.settings import WorkerSettings, compute_single_threaded
from jobs.state.failures import AttemptLostError, HandedOverError, run_timeout_error
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from jobs.state.opening import State, redis_client
from jobs.state.queue import QUEUE_NAME, SERIALIZER, RefusedJobError, SafeJob
from jobs.state.records import Job
from jobs.state.settings import SettingsError, StateSettings
from jobs.telemetry.attempts import count_attempt
from jobs.telemetry.logs import adopt, configure, secrets_of
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tally import Tally
from jobs.watching import Watch

IDLE_TTL_S = 30
"""How long an idle worker may be silent; it waits half of it for a job."""
RECONNECT_S = 5.0
"""How long an idle worker waits before it tries again to reach a Redis that is away."""
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


class SafeWorker(Worker):
    """RQ's worker, made to lose nothing: children die with it, and a Redis that is away for a while harms nobody."""

    job_class = SafeJob
    max_connection_wait_time = RECONNECT_S

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
        self.watch = Watch(settings, self.folder)
        self.ending: ModelPressError | None = None
        self.told_to_stop: float | None = None

    def subscribe(self) -> None:
        """Take no commands over Redis: they would need a thread, and a process that forks must not have one."""

    def unsubscribe(self) -> None:
        """Undo ``subscribe``."""

    def handle_warm_shutdown_request(self) -> None:
        """Remember since when the worker is told to stop, and tell the child."""
        self.told_to_stop = time.monotonic()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self._tell_child()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that the worker lives; one that waits and is told to stop does so, if the signal itself went unheard."""
        if self.told_to_stop is not None and self.get_state() == WorkerStatus.IDLE:
            raise StopRequested
        beat("worker")
        super().heartbeat(timeout, pipeline)

    def set_shutdown_requested_date(self) -> None:
        """Let Redis know that the worker stops, if it can be reached."""
        with suppress(*_AWAY):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def execute_job(self, job: Transport, queue: Queue) -> None:
        """Run the job in a child and look after it until it ends, and whatever it started with it."""
        self.watch, self.ending = Watch(self.settings, self.folder), None
        try:
            super().execute_job(job, queue)
        except SystemExit:  # told to stop again: the child was killed
            self._leave(job, signal.SIGKILL)
            raise
        finally:
            self._end_group()
            empty(self.folder)
            sweep(Path(self.settings.temp_dir))

    def fork_work_horse(self, job: Transport, queue: Queue) -> None:
        """Start the child, the first of a process group of its own."""
        super().fork_work_horse(job, queue)
        self.watch.group = self.horse_pid

    def main_work_horse(self, job: Transport, queue: Queue) -> None:
        """Be the child: never outlive the parent, nor take more than is allowed."""
        die_with(self.pid)
        limit_child(self.settings.memory_bytes_max)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Let the child take SIGTERM as the wish that it stop."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        stopping.listen()

    def maintain_heartbeats(self, job: Transport, execution: Execution) -> None:
        """Prolong what must not lapse while the child works, and end the child if it must not go on."""
        try:
            super().maintain_heartbeats(job, execution)
            self.watch.see(self.backing.ledger.heartbeat(_ledger_id(job), self.name))
        except _AWAY as error:
            log.warning("A heartbeat was missed: %s", error)
        if self.told_to_stop is not None:
            self._tell_child()  # it may have begun only now
        self.ending = self.watch.reason_to_end(float(job.timeout or 0), self.told_to_stop)
        if self.ending is not None:
            log.warning("The child of %s is ended: %s", job.id, self.ending)
            self.kill_horse()

    def handle_work_horse_killed(self, job: Transport, retpid: int, ret_val: int, rusage: Any) -> None:
        """Hand the job of a child that died on to its next attempt, or end it."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)  # type: ignore[no-untyped-call]
        self._leave(job, ret_val)

    def _leave(self, job: Transport, wait_status: int) -> None:
        try:
            self._hand_on(_ledger_id(job), wait_status)
        except _AWAY as error:
            log.warning("%s is left to the janitor: %s", job.id, error)

    def _hand_on(self, job_id: str, wait_status: int) -> None:
        job = self.backing.ledger.find(job_id)
        if job is None or job.worker != self.name:
            return
        after = self.backing.ledger.abandon(job, self._why(job, wait_status))
        if after is not None:
            count_attempt(Tally(self.backing.redis), after, time.monotonic() - self.watch.began, number=job.attempt)
        if after is not None and after.state is JobState.QUEUED:
            self.backing.queue.enqueue(after)

    def _why(self, job: Job, wait_status: int) -> ModelPressError:
        if job.overdue(self.backing.clock()):
            return run_timeout_error(job)
        if self.ending is not None:
            return self.ending
        if self.told_to_stop is not None:
            return HandedOverError("The worker of the attempt had to stop.")
        signalled = os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else None
        how = f"was ended by signal {signalled}" if signalled else f"ended with code {wait_status}"
        return AttemptLostError(f"The process of the attempt {how}; if it happens again, it may need too much memory.")

    def _tell_child(self) -> None:
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def _end_group(self) -> None:
        """End what the child may have started, and has left behind."""
        if self.watch.group:
            with suppress(ProcessLookupError):
                os.killpg(self.watch.group, signal.SIGKILL)


def main() -> int:
    """Work until told to stop."""
    compute_single_threaded()
    try:
        state_settings, settings = StateSettings.from_env(), WorkerSettings.from_env()
        configure(TelemetrySettings.from_env(), secrets_of(state_settings, settings))
    except SettingsError as error:
        sys.exit(str(error))
    sweep(Path(settings.temp_dir))
    for name in ("torch", "transformers", "jobs.preloading"):  # not before torch is kept from starting threads
        import_module(name)
        adopt()
    import_module("jobs.preloading").preload()
    worker = SafeWorker(state_settings, settings)
    worker.work(logging_level="WARNING")
    return 0 if worker.told_to_stop is not None else 1


def _ledger_id(job: Transport) -> str:
    try:
        return job.ledger_id if isinstance(job, SafeJob) else ""
    except RefusedJobError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
