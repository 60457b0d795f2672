"""A job told again from its objects: what the archive knows becomes a record and its state-changing events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state.events import ACCEPTED, ENDED, Event
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


def queued_event(at: datetime) -> Event:
    """Return what is told when a job is accepted."""
    data = {"state": JobState.QUEUED, "attempt": 0}
    return Event("state", "The job is queued.", data=data, chapter=ACCEPTED, at=at)


def running_event(attempt: int, at: datetime) -> Event:
    """Return what is told when an attempt begins."""
    data = {"state": JobState.RUNNING, "attempt": attempt}
    return Event("state", f"Attempt {attempt} started.", data=data, chapter=_chapter(attempt), at=at)


def points_event(state: JobState, progress: Json) -> Event:
    """Return what is told when a point of a landscape has ended, or all are on their way."""
    said = "{step} of {steps} points have ended.".format_map(progress)
    return Event("progress", said, stage=progress["stage"], data={**progress, "state": state})


def repeated_event(attempt: int, error: Json | None, at: datetime) -> Event:
    """Return what is told when an attempt was lost and the job waits for another; None: it is not known why."""
    data = {"state": JobState.QUEUED, "attempt": attempt, "error": error}
    said = f"Attempt {attempt} is repeated" + (f": {error['message']}" if error else ".")
    return Event("state", said, data=data, chapter=_chapter(attempt) + 1, at=at)


def cancelling_event(attempt: int, at: datetime) -> Event:
    """Return what is told when the caller wants the job to stop."""
    data = {"state": JobState.CANCELLING, "attempt": attempt}
    return Event("state", "The job is asked to stop.", data=data, chapter=_chapter(attempt) + 2, at=at)


def ended_event(job: Job) -> Event:
    """Return what is told when a job ends."""
    data = {"state": job.state, "attempt": job.attempt, "error": job.error}
    return Event("state", _SENTENCES[job.state], data=data, chapter=ENDED, at=job.ended_at)


def history(job: Job, claims: Sequence[Json], wish: Json | None) -> Iterator[Event]:
    """Yield the state-changing events that the archive remembers; *wish* is the caller's to stop."""
    yield queued_event(job.created_at)
    for number, claim in enumerate(claims):
        began = parse_time(claim["at"])
        if number:
            yield repeated_event(claims[number - 1]["attempt"], None, began)
        yield running_event(claim["attempt"], began)
    if wish is not None:
        wished = parse_time(wish["at"]) if "at" in wish else job.ended_at or job.created_at
        yield cancelling_event(claims[-1]["attempt"] if claims else 0, wished)
    if job.ended_at is not None:
        yield ended_event(job)


def _chapter(attempt: int) -> int:
    """Return where an attempt begins; waiting for the next one follows, and after that being asked to stop."""
    return 3 * attempt


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
