"""A job told again from its objects: what the archive knows becomes a record and its state-changing events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state.events import Event
from jobs.state.records import Job, parse_time

_SENTENCES = {
    JobState.SUCCEEDED: "The job succeeded.",
    JobState.FAILED: "The job failed.",
    JobState.CANCELLED: "The job was cancelled.",
    JobState.EXPIRED: "The job waited too long.",
}


def rebuilt(
    request: Json, claims: Sequence[Json], outcome: Json | None, *, cancelled: bool, lease_until: datetime
) -> Job:
    """Return the job that these documents describe.

    An attempt without an outcome may still be under way: its worker has until *lease_until* to be heard of.
    """
    job = Job.from_request(request)
    if claims:
        job = _attempted(job, claims[-1], lease_until)
    if outcome is not None:
        return ending(job, outcome)
    return replace(job, state=JobState.CANCELLING) if cancelled else job


def ending(job: Job, outcome: Mapping[str, Any]) -> Job:
    """Return *job* as its outcome left it."""
    return replace(
        job,
        state=JobState(outcome["state"]),
        attempt=outcome["attempt"],
        ended_at=parse_time(outcome["ended_at"]),
        expires_at=parse_time(outcome["expires_at"]) if outcome.get("expires_at") else None,
        error=outcome["error"],
        token="",
        worker="",
        lease_until=None,
    )


def queued_event() -> Event:
    """Return what is told when a job is accepted."""
    return Event("state", "The job is queued.", data={"state": JobState.QUEUED, "attempt": 0})


def running_event(attempt: int) -> Event:
    """Return what is told when an attempt begins."""
    return Event("state", f"Attempt {attempt} started.", data={"state": JobState.RUNNING, "attempt": attempt})


def points_event(state: JobState, progress: Json) -> Event:
    """Return what is told when a point of a landscape has ended, or all are on their way."""
    said = "{step} of {steps} points have ended.".format_map(progress)
    return Event("progress", said, stage=progress["stage"], data={**progress, "state": state})


def repeated_event(attempt: int, error: Json) -> Event:
    """Return what is told when an attempt was lost and the job waits for another."""
    data = {"state": JobState.QUEUED, "attempt": attempt, "error": error}
    return Event("state", f"Attempt {attempt} is repeated: {error['message']}", data=data)


def cancelling_event(attempt: int) -> Event:
    """Return what is told when the caller wants the job to stop."""
    return Event("state", "The job is asked to stop.", data={"state": JobState.CANCELLING, "attempt": attempt})


def ended_event(job: Job) -> Event:
    """Return what is told when a job ends."""
    return Event("state", _SENTENCES[job.state], data={"state": job.state, "attempt": job.attempt, "error": job.error})


def history(job: Job, claims: Sequence[Json]) -> Iterator[tuple[datetime, Event]]:
    """Yield the state-changing events that the archive remembers, with their times."""
    yield job.created_at, queued_event()
    for claim in claims:
        yield parse_time(claim["at"]), running_event(claim["attempt"])
    if job.ended_at is not None:
        yield job.ended_at, ended_event(job)


def _attempted(job: Job, claim: Json, lease_until: datetime) -> Job:
    return replace(
        job,
        state=JobState.RUNNING,
        attempt=claim["attempt"],
        started_at=parse_time(claim["at"]),
        token=claim["token"],
        worker=claim["worker"],
        lease_until=lease_until,
    )
