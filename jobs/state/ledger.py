"""The state machine of jobs: the archive in the object store decides, Redis makes it quick.

A job is accepted once its request and its ``open/`` marker are stored, and ended once its ``outcome.json`` is: created
once, by whoever comes first. Everything that Redis holds of a job can be rebuilt from those objects, and is, whenever
it is found missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jobs.contract.errors import QueueError
from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state import failures, records
from jobs.state.closing import UNDER_WAY, LedgerCloser
from jobs.state.events import Event
from jobs.state.history import (
    cancelling_event,
    points_event,
    queued_event,
    running_event,
)
from jobs.state.reading import Page
from jobs.state.records import Job, Lease

__all__ = ["Ledger", "Page"]

POINTS = "points"
"""The stage of a landscape while its points are under way."""


class Ledger(LedgerCloser):
    """Accepts, claims, moves and ends jobs."""

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
        self._end(after, JobState.CANCELLED, failures.cancelled_failure(after), token=records.new_token())
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
            raise failures.lease_lost_error(lease)
        if changed.state is JobState.CANCELLING:
            raise failures.cancelled_error()

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

    def _remember(self, job: Job) -> None:
        try:
            self._memory.create(job, [queued_event(job.created_at)])
        except QueueError:
            return  # accepted all the same: whoever looks next rebuilds it

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
