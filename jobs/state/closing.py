"""How attempts and jobs end: with the one outcome, or back on the queue."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from redis import Redis

from jobs.contract.errors import ModelPressError, QueueError, StorageError
from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state import failures, records
from jobs.state.archive import job_prefix
from jobs.state.events import Event
from jobs.state.history import ended_event, ending, repeated_event
from jobs.state.objects import AccessRefusedError, ObjectMissingError, ObjectStore
from jobs.state.reading import LedgerReader
from jobs.state.records import Job, Lease
from jobs.state.versions import schema_of
from jobs.state.working_memory import Changed, Verdict

OPEN_STATES = tuple(state for state in JobState if not state.terminal)
UNDER_WAY = (JobState.RUNNING, JobState.CANCELLING)
_SETTLED = ("state", "ended_at", "expires_at", "error", "token", "worker", "lease_until", "attempt")


class LedgerCloser(LedgerReader):
    """Ends attempts and jobs.

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

    def finish(self, lease: Lease, state: JobState, error: Json | None = None) -> Job:
        """End the job and return it; what the attempt published must be stored already.

        Raises:
            LeaseLostError: a newer attempt owns the job, or it has ended.
        """
        job = self._end(lease.job, state, error, token=lease.token) if self._hold(lease) else None
        if job is None:
            raise failures.lease_lost_error(lease)
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
        error = failures.failure(failures.queue_timeout_error(job), stage="queue", attempt=job.attempt)
        return self._fence_and_end(job, JobState.EXPIRED, error, guard=("version", job.version))

    def settle(self, job: Job) -> Job | None:
        """Bring marker and memory in line with the job's outcome; return the ended job, None if it has not ended."""
        outcome = self._archive.outcome(job.tenant, job.id)
        return None if outcome is None else self._settled(job, outcome)

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
            return self._fence_and_end(job, JobState.CANCELLED, failures.cancelled_failure(job), guard=guard)
        document = failures.failure(error, stage=stage, attempt=job.attempt)
        if isinstance(error, failures.HandedOverError):
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
        except (QueueError, StorageError, AccessRefusedError, ObjectMissingError):
            return settled  # it has ended all the same; the marker stays until Redis and everybody has been told
        self._archive.close(job.id)
        return settled
