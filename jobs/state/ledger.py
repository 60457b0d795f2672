"""The state machine of jobs: the archive in the object store decides, Redis makes it quick.

A job is accepted once its request and its ``open/`` marker are stored, and ended once its ``outcome.json`` is: created
once, by whoever comes first. Everything that Redis holds of a job can be rebuilt from those objects, and is, whenever
it is found missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from redis import Redis

from jobs.contract.errors import ModelPressError, QueueError, StorageError
from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state import records
from jobs.state.archive import job_prefix
from jobs.state.events import Event
from jobs.state.history import (
    cancelling_event,
    ended_event,
    ending,
    points_event,
    queued_event,
    repeated_event,
    running_event,
)
from jobs.state.objects import ObjectStore
from jobs.state.reading import LedgerReader, Page
from jobs.state.records import Job, Lease
from jobs.state.versions import schema_of
from jobs.state.working_memory import Changed, Verdict

__all__ = ["Ledger", "Page"]

OPEN_STATES = tuple(state for state in JobState if not state.terminal)
POINTS = "points"
"""The stage of a landscape while its points are under way."""
UNDER_WAY = (JobState.RUNNING, JobState.CANCELLING)
_SETTLED = ("state", "ended_at", "expires_at", "error", "token", "worker", "lease_until", "attempt")


class Ledger(LedgerReader):
    """Accepts, claims, moves and ends jobs.

    Args:
        store: the bucket of the archive.
        redis: a client that decodes its responses.
        lease_s: how long an attempt may be silent [s].
        max_attempts: how often a job is tried.
        retention_s: how long a job is kept after its end [s]; 0: for ever.
        clock: tells the time.
        ended: called with each job that has its outcome, before its marker goes. While one of them fails the marker
            stays, and the janitor has all of them called again: at least once, so twice must be as good as once.
    """

    def __init__(
        self,
        store: ObjectStore,
        redis: "Redis",
        *,
        lease_s: float = 60,
        max_attempts: int = 3,
        retention_s: float = 0,
        clock: Callable[[], datetime] = records.utc_now,
        ended: Sequence[Callable[[Job], object]] = (),
    ) -> None:
        super().__init__(store, redis, lease_s=lease_s, clock=clock)
        self._max_attempts = max_attempts
        self._retention = timedelta(seconds=retention_s)
        self._ended = ended

    def accept(
        self,
        tenant: str,
        kind: str,
        request: Json,
        *,
        labels: Mapping[str, str] | None = None,
        parent: str | None = None,
        retry_of: str | None = None,
        job_id: str | None = None,
        is_new: bool = False,
        traceparent: str | None = None,
        admit: Callable[[Job], object] = lambda job: None,
    ) -> Job:
        """Return a new job, which from now on cannot be lost; enqueue it next (the janitor does if you cannot).

        Where *job_id* says what it shall be called, and it was accepted before, it is returned as it is, unless the id
        *is_new*: nobody can have used it. *admit* raises where a new one may not be.
        """
        if job_id is not None and not is_new and (known := self.show(tenant, job_id)) is not None:
            return known
        now = self._clock()
        job = Job(
            id=job_id or records.new_id("job"),
            tenant=tenant,
            kind=kind,
            request=request,
            created_at=now,
            queued_at=now,
            max_attempts=self._max_attempts,
            labels=dict(labels or {}),
            parent=parent,
            retry_of=retry_of,
            traceparent=traceparent,
        )
        admit(job)
        self._archive.accept(job)
        self._remember(job)
        return job

    def request_cancel(self, tenant: str, job_id: str) -> Job | None:
        """Return the tenant's job after its caller has changed their mind; None when there is no such job.

        A queued job is cancelled at once, a running one is told to stop; one that has ended stays as it is.
        """
        job = self.show(tenant, job_id)
        if job is None or job.state.terminal:
            return job
        now = self._clock()
        self._archive.wish_cancelled(job, now)
        states = (JobState.QUEUED, JobState.RUNNING)
        changed = self._change(
            job, {"state": JobState.CANCELLING}, states=states, event=cancelling_event(job.attempt, now)
        )
        after = self.show(tenant, job_id)
        if not changed.done or after is None or after.token:
            return after
        self._end(after, JobState.CANCELLED, records.cancelled_failure(after), token=records.new_token())
        return self.show(tenant, job_id)

    def claim(self, job_id: str, worker: str) -> Lease | None:
        """Return the lease of the job's next attempt; None when there is nothing to do, or somebody else does it."""
        job = self.find(job_id)
        if job is None or job.state is not JobState.QUEUED or self.settle(job) is not None:
            return None
        if job.expired(self._clock()):
            self.expire(job)
            return None
        return self._claimed(job, worker)

    def heartbeat(self, job_id: str, worker: str) -> JobState | None:
        """Prolong the lease that *worker* holds on the job and return its state; None when it holds none."""
        job = self.find(job_id)
        if job is None:
            return None
        values = {"lease_until": self._clock() + self._lease}
        changed = self._change(job, values, states=UNDER_WAY, guard=("worker", worker))
        return changed.state if changed.done else None

    def progress(self, lease: Lease, progress: Json, *, message: str = "") -> None:
        """Record how far the attempt is: ``{stage, step, steps, fraction}``.

        Raises:
            LeaseLostError: a newer attempt owns the job, or it has ended.
            CancelledError: the caller wants it to stop.
        """
        event = Event("progress", message, stage=progress["stage"], data=progress)
        guard = ("token", lease.token)
        changed = self._change(lease.job, {"progress": progress}, states=UNDER_WAY, guard=guard, event=event)
        if not changed.done:
            raise records.lease_lost_error(lease)
        if changed.state is JobState.CANCELLING:
            raise records.cancelled_error()

    def count_points(self, job: Job, ended: int, points: int) -> bool:
        """Record how many points of a landscape have *ended*: it runs until all have, and then waits for a worker.

        Returns False, and changes nothing, where it has ended, is to stop, or an attempt puts the points together.
        """
        state = JobState.QUEUED if ended == points else JobState.RUNNING
        progress = {"stage": POINTS, "step": ended, "steps": points, "fraction": ended / points}
        if (job.state, job.progress) == (state, progress):
            return True
        now = self._clock()
        values = {"state": state, "queued_at": now, "started_at": job.started_at or now, "progress": progress}
        states, guard = (JobState.QUEUED, JobState.RUNNING), ("attempt", 0)
        return self._change(job, values, states=states, guard=guard, event=points_event(state, progress)).done

    def finish(self, lease: Lease, state: JobState, error: Json | None = None) -> Job:
        """End the job and return it; what the attempt published must be stored already.

        Raises:
            LeaseLostError: a newer attempt owns the job, or it has ended.
        """
        job = self._end(lease.job, state, error, token=lease.token) if self._hold(lease) else None
        if job is None:
            raise records.lease_lost_error(lease)
        return job

    def give_up(self, lease: Lease, error: ModelPressError, *, stage: str | None, delay_s: float = 0) -> Job | None:
        """End the attempt with *error*, as ``abandon`` does; None when the lease was lost."""
        job = self.find(lease.job.id)
        if job is None or job.token != lease.token:
            return None
        return self._give_up(job, error, stage=stage, delay_s=delay_s, guard=("token", lease.token))

    def abandon(self, job: Job, error: ModelPressError) -> Job | None:
        """End the attempt of *job*, as it was just read, for a worker that cannot; None if it moved meanwhile.

        After a retryable *error* the job waits for its next attempt, unless it has had its last; a job whose caller
        wants it to stop is cancelled.
        """
        stage = job.progress["stage"] if job.progress else None
        return self._give_up(job, error, stage=stage, delay_s=0, guard=("version", job.version))

    def expire(self, job: Job) -> Job | None:
        """End a job that waited too long; None if it moved meanwhile."""
        error = records.failure(records.queue_timeout_error(job), stage="queue", attempt=job.attempt)
        return self._fence_and_end(job, JobState.EXPIRED, error, guard=("version", job.version))

    def settle(self, job: Job) -> Job | None:
        """Bring marker and memory in line with the job's outcome; return the ended job, None if it has not ended."""
        outcome = self._archive.outcome(job.tenant, job.id)
        return None if outcome is None else self._settled(job, outcome)

    def _remember(self, job: Job) -> None:
        try:
            self._memory.create(job, [queued_event(job.created_at)])
        except QueueError:
            return  # accepted all the same: whoever looks next rebuilds it

    def _change(
        self,
        job: Job,
        values: Mapping[str, Any],
        *,
        states: Iterable[JobState],
        guard: tuple[str, Any] = ("", ""),
        event: Event | None = None,
    ) -> Changed:
        changed = self._memory.change(job.id, values, states=states, guard=guard, event=event)
        if changed.verdict is not Verdict.MISSING or self._rebuild(job.tenant, job.id) is None:
            return changed
        return self._memory.change(job.id, values, states=states, guard=guard, event=event)

    def _claimed(self, job: Job, worker: str) -> Lease | None:
        now, token, attempt = self._clock(), records.new_token(), job.attempt + 1
        values: dict[str, Any] = {
            "state": JobState.RUNNING,
            "attempt": attempt,
            "token": token,
            "worker": worker,
            "started_at": now,
            "lease_until": now + self._lease,
            "not_before": None,
            "progress": None,
        }
        lease = Lease(replace(job, **values), attempt, token)
        guard, event = ("version", job.version), running_event(attempt, now)
        if not self._change(job, values, states=(JobState.QUEUED,), guard=guard, event=event).done:
            return None
        if self._archive.claim(lease, {"worker": worker, "at": records.format_time(now)}):
            return lease
        self._memory.forget(job.id)  # the archive knows of an attempt that Redis does not
        return None

    def _hold(self, lease: Lease) -> bool:
        """Prolong the lease, so that nobody takes the job over just now; return whether it still held."""
        values = {"lease_until": self._clock() + self._lease}
        try:
            return self._change(lease.job, values, states=UNDER_WAY, guard=("token", lease.token)).done
        except QueueError:
            claims = self._archive.claims(lease.job.tenant, lease.job.id)
            return bool(claims) and claims[-1]["token"] == lease.token

    def _give_up(
        self, job: Job, error: ModelPressError, *, stage: str | None, delay_s: float, guard: tuple[str, Any]
    ) -> Job | None:
        if job.state is JobState.CANCELLING:
            return self._fence_and_end(job, JobState.CANCELLED, records.cancelled_failure(job), guard=guard)
        document = records.failure(error, stage=stage, attempt=job.attempt)
        if isinstance(error, records.HandedOverError):
            self._archive.grant(job)  # first: whoever rebuilds the job grants it the same
            job = replace(job, max_attempts=job.max_attempts + 1)
        if not error.retryable or job.attempt >= job.max_attempts:
            return self._fence_and_end(job, JobState.FAILED, document, guard=guard)
        return self._requeue(job, document, delay_s, guard)

    def _requeue(self, job: Job, error: Json, delay_s: float, guard: tuple[str, Any]) -> Job | None:
        now = self._clock()
        values = {
            "state": JobState.QUEUED,
            "queued_at": now,
            "not_before": now + timedelta(seconds=delay_s) if delay_s else None,
            "max_attempts": job.max_attempts,
            "token": "",
            "worker": "",
            "lease_until": None,
        }
        event = repeated_event(job.attempt, error, now)
        done = self._change(job, values, states=(JobState.RUNNING,), guard=guard, event=event).done
        return self.find(job.id) if done else None

    def _fence_and_end(self, job: Job, state: JobState, error: Json, *, guard: tuple[str, Any]) -> Job | None:
        token = records.new_token()
        if not self._change(job, {"token": token, "worker": ""}, states=OPEN_STATES, guard=guard).done:
            return None
        return self._end(job, state, error, token=token)

    def _end(self, job: Job, state: JobState, error: Json | None, *, token: str) -> Job | None:
        """Write the outcome and return the ended job; None when it had ended otherwise before."""
        self._archive.end(job, self._outcome(job, state, error, token))
        outcome = self._archive.outcome(job.tenant, job.id)
        if outcome is None:
            return None
        settled = self._settled(job, outcome)
        return settled if outcome["token"] == token else None

    def _outcome(self, job: Job, state: JobState, error: Json | None, token: str) -> Json:
        base = f"{job_prefix(job.tenant, job.id)}attempts/{job.attempt}/"
        succeeded, now = state is JobState.SUCCEEDED, self._clock()
        return {
            "schema": schema_of("outcome"),
            "job": job.id,
            "state": state.value,
            "attempt": job.attempt,
            "token": token,
            "started_at": records.format_time(job.started_at),
            "ended_at": records.format_time(now),
            "expires_at": records.format_time(now + self._retention) if self._retention else None,
            "error": error,
            "manifest": f"{base}manifest.json" if succeeded else None,
            "report": f"{base}report.json" if succeeded else None,
        }

    def _settled(self, job: Job, outcome: Json) -> Job:
        settled = ending(job, outcome)
        try:
            values = {name: getattr(settled, name) for name in _SETTLED}
            self._change(settled, values, states=OPEN_STATES, event=ended_event(settled))
            for tell in self._ended:
                tell(settled)
        except (QueueError, StorageError):
            return settled  # it has ended all the same; the marker stays until Redis and everybody has been told
        self._archive.close(job.id)
        return settled
