"""What a worker runs: one attempt at one job, from its claim to its outcome.

Whatever happens ends in the ledger: expected failures with their code, surprises as ``internal_error`` (details in the
log of the worker only), a store that fails as another attempt.
"""

import errno
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from rq.timeouts import JobTimeoutException

from jobs import comparing, measuring, pipeline, planning, registering, stopping
from jobs.adapters.settings import SourceSettings
from jobs.contract.errors import (
    InternalError,
    LeaseLostError,
    LimitExceededError,
    ModelPressError,
    QueueError,
    StorageError,
)
from jobs.contract.report import PlanReport, ProfileReport, Report
from jobs.contract.spec import CompressionSpec, Json
from jobs.contract.state import JobKind, JobState
from jobs.quiet import LOCKS, Machine
from jobs.reporting import environment
from jobs.scratch import empty, scratch_folder
from jobs.settings import WorkerSettings, forget_secrets, worker_name
from jobs.state.archive import attempt_prefix
from jobs.state.failures import HandedOverError, run_timeout_error
from jobs.state.opening import State
from jobs.state.publishing import publish
from jobs.state.records import Lease
from jobs.state.settings import StateSettings
from jobs.state.versions import NewerDocumentError
from jobs.streamed import StreamedJob
from jobs.supplies import Supplies
from jobs.telemetry.attempts import observed

PROGRESS_EVERY_S = 0.5
AnyReport: TypeAlias = Report | PlanReport | ProfileReport
_NO_MEMORY = "DefaultCPUAllocator: can't allocate memory"
"""What torch says in a RuntimeError."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
log = logging.getLogger("modelpress.tasks")


def run_job(job_id: str) -> None:
    """Run the next attempt of the job, unless there is nothing to do or somebody else does it."""
    settings, sources, state = (
        WorkerSettings.from_env(),
        SourceSettings.from_env(),
        State.open(StateSettings.from_env()),
    )
    forget_secrets(StateSettings, SourceSettings, WorkerSettings)
    try:
        _run(job_id, settings, sources, state)
    except NewerDocumentError as error:
        log.info("%s is left to newer workers: %s", job_id, error)


def _run(job_id: str, settings: WorkerSettings, sources: SourceSettings, state: State) -> None:
    job = state.ledger.find(job_id)
    if job is not None and job.kind == JobKind.LANDSCAPE and not state.landscapes.advance(job):
        return  # its points are on their way; the last to end announces it
    lease = state.ledger.claim(job_id, worker_name())
    if lease is None:
        log.info("Nothing to do for %s: it is not waiting.", job_id)
        return
    torch.set_num_threads(settings.threads)
    with observed(lease, state):
        Attempt(lease, state, settings, sources).run()


@dataclass(slots=True)
class Reporter:
    """Tells the ledger how far an attempt is, not more often than anybody wants to know.

    Attributes:
        stage: the present one.
    """

    state: State
    lease: Lease
    machine: Machine
    stage: str | None = None
    _told: float = field(default=0.0, init=False)

    def __call__(self, stage: str, step: int, steps: int, message: str = "") -> None:
        """Report that *step* of *steps* of *stage* is done, and let others measure who wait for it.

        Raises:
            CancelledError: the caller wants the job to stop.
            LeaseLostError: another attempt owns the job.
            StopWishedError: the worker is told to stop; what is as good as done is let through.
        """
        if stage != "publish":
            stopping.heed()
        now = time.monotonic()
        if stage == self.stage and step < steps and now - self._told < PROGRESS_EVERY_S:
            return
        self.stage, self._told = stage, now
        self.machine.make_way()
        progress = {"stage": stage, "step": step, "steps": steps, "fraction": step / steps if steps else 0.0}
        try:
            self.state.ledger.progress(self.lease, progress, message=message)
        except QueueError:
            log.warning("Redis is away; %s goes on without telling.", self.lease.job.id)


@dataclass(slots=True)
class Attempt:
    """One attempt under way."""

    lease: Lease
    state: State
    settings: WorkerSettings
    sources: SourceSettings

    def run(self) -> None:
        """Do the work and record how it ended."""
        machine = Machine(Path(self.settings.temp_dir) / LOCKS, self.settings.quiet_timeout_s)
        reporter = Reporter(self.state, self.lease, machine)
        try:
            with _expected(self.lease), self._folder() as folder:
                self._work(folder, reporter)
            self.state.ledger.finish(self.lease, JobState.SUCCEEDED)
        except LeaseLostError as error:
            log.warning("%s", error)
        except stopping.StopWishedError:
            self._hand_over(reporter.stage)
        except ModelPressError as error:
            self._give_up(error, reporter.stage)
        self._tell_landscape()

    def _hand_over(self, stage: str | None) -> None:
        """Put the job back on the queue, where it waits for another worker to go on."""
        error = HandedOverError("The worker of the attempt had to stop.")
        job = self.state.ledger.give_up(self.lease, error, stage=stage)
        if job is not None and job.state is JobState.QUEUED:
            self.state.queue.enqueue(job)
        log.info("%s is handed over after attempt %d.", self.lease.job.id, self.lease.attempt)

    def _tell_landscape(self) -> None:
        try:
            self.state.landscapes.point_ended(self.lease.job)
        except (QueueError, StorageError) as error:
            log.warning("The landscape of %s is left to the janitor: %s", self.lease.job.id, error)

    def _work(self, folder: Path, report_progress: Reporter) -> None:
        if self.lease.job.kind == JobKind.LANDSCAPE:
            self._put_together(folder, report_progress)
        else:
            self._compute(folder, report_progress)

    def _put_together(self, folder: Path, report_progress: Reporter) -> None:
        """Compare what the points of a landscape have come to, and draw it."""
        report_progress("chart", 0, 1)
        report = comparing.run(self.state.landscapes.outcomes(self.lease.job), folder)
        self._publish(folder, report.to_json(), report.model, environment(), report_progress)

    def _compute(self, folder: Path, report_progress: Reporter) -> None:
        spec = CompressionSpec.from_json(self.lease.job.request)
        machine, data = report_progress.machine, folder / "data" if spec.data else None
        folders = pipeline.Folders(folder / "model", folder / "out", data, quiet=machine.measuring)
        report_progress("fetch", 0, 1)
        folders = Supplies(self.lease, self.state, self.settings, self.sources).bring(spec, folders)
        with machine.computing():
            document = self._report(spec, folders, report_progress).to_json()
        self._publish(folders.out, document, folders.origin, document["environment"], report_progress)

    def _report(self, spec: CompressionSpec, folders: pipeline.Folders, progress: Reporter) -> AnyReport:
        """Do the work, by layers where model and request are for it, and return what it found out."""
        if self.lease.job.kind == JobKind.PROFILE:
            return measuring.run(spec, folders, progress)
        planned = self.lease.job.kind == JobKind.PLAN
        if by_layers := StreamedJob.load(spec, folders, progress, above=self.settings.stream_above_bytes):
            return by_layers.plan() if planned else by_layers.run()
        return planning.run(spec, folders, progress) if planned else pipeline.run(spec, folders, progress)

    def _publish(
        self,
        out: Path,
        report: Json,
        source: Mapping[str, Any],
        made_by: Mapping[str, Any],
        report_progress: Reporter,
    ) -> None:
        manifest = publish(
            self.state.store,
            self.lease,
            out,
            report=report,
            source={name: source.get(name) for name in ("uri", "revision", "sha256")},
            versions={key: text for key, text in made_by.items() if isinstance(text, str)},
            before_each=lambda done, total: report_progress("publish", done, total),
        )
        files = f"s3://{self.state.store.bucket}/{attempt_prefix(self.lease)}files"
        if said := registering.offer(self.settings, self.lease.job, source=files, report=report, manifest=manifest):
            report_progress("publish", len(manifest["files"]), len(manifest["files"]), said)

    def _give_up(self, error: ModelPressError, stage: str | None) -> None:
        delay = self.settings.retry_delay_s
        job = self.state.ledger.give_up(self.lease, error, stage=stage, delay_s=delay)
        log.info("%s ended with %s; it is now %s.", self.lease.job.id, error.code, job.state if job else "another's")

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        base = scratch_folder(Path(self.settings.temp_dir), worker_name())
        folder = base / f"{self.lease.job.id}-a{self.lease.attempt}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            empty(folder)


@contextmanager
def _expected(lease: Lease) -> Iterator[None]:
    """Turn what can go wrong with any job into the contract's errors; a surprise keeps its details in the log."""
    try:
        yield
    except (ModelPressError, stopping.StopWishedError):
        raise
    except JobTimeoutException:
        raise run_timeout_error(lease.job) from None
    except Exception as error:
        if isinstance(error, MemoryError) or _NO_MEMORY in str(error):
            raise LimitExceededError("The worker's memory is not enough for this job; use a smaller model.") from error
        if isinstance(error, OSError) and error.errno in _FULL:
            raise LimitExceededError("The worker's disk is full; use a smaller model or ask the operator.") from error
        log.exception("%s met a surprise.", lease.job.id)
        raise InternalError("A fault of the service; its operator finds the details under this job's id.") from error
