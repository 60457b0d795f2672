"""How the open jobs are, counted by the janitor, who sees them all."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from jobs.contract.state import JobState
from jobs.state.records import Job
from jobs.telemetry.tally import LEASE_LEFT_SECONDS, OPEN_JOBS, QUEUE_AGE_SECONDS, Counted


@dataclass(slots=True)
class Census:
    """The open jobs of one round."""

    jobs: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits_since: datetime | None = None
    first_lapse: datetime | None = None

    def see(self, job: Job) -> None:
        """Take note of a job that has not ended."""
        self.jobs[job.kind, job.state.value] += 1
        if job.state is JobState.QUEUED:
            self.waits_since = min(self.waits_since or job.queued_at, job.queued_at)
        if job.lease_until is not None:
            self.first_lapse = min(self.first_lapse or job.lease_until, job.lease_until)

    def gauges(self, now: datetime) -> Iterator[Counted]:
        """Yield what the round found; nothing waits: an age of zero, nothing runs: no lease."""
        for labels, count in self.jobs.items():
            yield Counted(OPEN_JOBS, labels, count)
        waited = now - self.waits_since if self.waits_since else None
        yield Counted(QUEUE_AGE_SECONDS, (), waited.total_seconds() if waited else 0)
        if self.first_lapse is not None:
            yield Counted(LEASE_LEFT_SECONDS, (), (self.first_lapse - now).total_seconds())
