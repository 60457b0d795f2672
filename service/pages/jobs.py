"""What is shown of a job: in a list, and on its own page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jobs.contract.state import JobKind, JobState
from jobs.state.records import Job, format_time, retry_id
from service.error_pages import meaning_of
from service.pages import words

Json = dict[str, Any]
MARKS: Mapping[JobState, tuple[str, str]] = {
    JobState.QUEUED: ("○", "waiting"),
    JobState.RUNNING: ("►", "busy"),
    JobState.CANCELLING: ("■", "waiting"),
    JobState.SUCCEEDED: ("✓", "good"),
    JobState.FAILED: ("✗", "bad"),
    JobState.CANCELLED: ("–", "quiet"),
    JobState.EXPIRED: ("!", "bad"),
}
"""A state's sign, which says it without colour, and the tone that it is coloured in."""
OTHERWISE: Mapping[JobKind, str] = {
    JobKind.PROFILE: "measure as it is",
    JobKind.LANDSCAPE: "many compressions, side by side",
}
"""What kinds of jobs ask for that have neither steps nor a target."""
_WENT_WRONG = (JobState.FAILED, JobState.EXPIRED)


@dataclass(frozen=True, slots=True)
class State:
    """A state as it is shown."""

    word: str
    mark: str
    tone: str

    @classmethod
    def of(cls, word: str) -> "State":
        """Return how the state *word* is shown."""
        return cls(word, *MARKS[JobState(word)])


@dataclass(frozen=True, slots=True)
class Row:
    """A job in a list.

    Attributes:
        model: what it works on.
        asked: what it does, in a line.
        progress: how far it is, empty unless it runs.
        at: when it was accepted, for machines; *created* says it for people.
        parent: the landscape that it is a point of.
    """

    id: str
    link: str
    kind: str
    model: str
    asked: str
    state: State
    progress: str
    at: str
    created: str
    labels: Sequence[str]
    parent: str | None


@dataclass(frozen=True, slots=True)
class JobList:
    """A page of the list of jobs.

    Attributes:
        filters: what the list was asked for, as it was typed.
        following: the query of the next page; empty on the last.
        is_first: whether newer jobs would be on this page.
        live: whether anything on it may change by itself.
        said: what to tell a listener when the list has changed.
    """

    rows: Sequence[Row]
    filters: Mapping[str, str]
    following: str
    is_first: bool
    live: bool
    said: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a job has no result, and what to do about it."""

    code: str
    message: str
    meaning: str
    advice: str
    stage: str


@dataclass(frozen=True, slots=True)
class JobPage:
    """A job on its own page.

    Attributes:
        said: what to tell a listener when the job has changed.
        share: how much of the present stage is done, 0 to 1; None when unknown.
        facts: names and what they are.
        request: what was asked for, as JSON.
        live: whether there is more to come.
        cancellable: whether it can be stopped.
        retryable: whether the very same can be tried again.
        repeatable: whether the form can ask for something like it.
        landscape: where its charts are; empty for other kinds.
    """

    row: Row
    said: str
    share: float | None
    facts: Sequence[tuple[str, str]]
    request: str
    trouble: Trouble | None
    live: bool
    cancellable: bool
    retryable: bool
    repeatable: bool
    landscape: str


def row_of(job: Job) -> Row:
    """Return *job* as a list shows it."""
    return Row(
        id=job.id,
        link=f"/jobs/{job.id}",
        kind=job.kind,
        model=job.request["model"]["uri"],
        asked=asked(job.kind, job.request),
        state=State.of(job.state),
        progress=progress(job),
        at=format_time(job.created_at) or "",
        created=words.moment(job.created_at),
        labels=[f"{key}={each}" for key, each in job.labels.items()],
        parent=job.parent,
    )


def list_of(jobs: Sequence[Job], given: Mapping[str, str], cursor: str | None) -> JobList:
    """Return *jobs* as a list that was asked for with the query *given*."""
    filters = {name: text for name, text in given.items() if name != "cursor"}
    under_way = [job for job in jobs if not job.state.terminal]
    return JobList(
        rows=[row_of(job) for job in jobs],
        filters=filters,
        following=urlencode({**filters, "cursor": cursor}) if cursor else "",
        is_first="cursor" not in given,
        live="cursor" not in given or bool(under_way),
        said=f"{len(jobs)} jobs, {len(under_way)} under way",
    )


def page_of(job: Job) -> JobPage:
    """Return *job* as its page shows it."""
    return JobPage(
        row=row_of(job),
        said=said(job),
        share=(job.progress or {}).get("fraction") if job.state is JobState.RUNNING else None,
        facts=list(_facts(job)),
        request=json.dumps(job.request, indent=2, ensure_ascii=False),
        trouble=trouble(job.error) if job.error and job.state in _WENT_WRONG else None,
        live=not job.state.terminal,
        cancellable=job.state in (JobState.QUEUED, JobState.RUNNING),
        retryable=retry_id(job) is not None,
        repeatable=job.kind in (JobKind.COMPRESSION, JobKind.PLAN),
        landscape=f"/landscapes/{job.id}" if job.kind == JobKind.LANDSCAPE else "",
    )


def asked(kind: str, request: Json) -> str:
    """Return what a request asks for, in a line."""
    if target := request.get("target"):
        amount = f"to {target['ratio']:g} of it" if "ratio" in target else f"at most {words.count(target['max'])}"
        return f"{target['metric']} of the {target.get('scope', 'model')}: {amount}"
    return ", then ".join(_step(each) for each in request.get("steps", ())) or OTHERWISE.get(JobKind(kind), kind)


def _step(step: Json) -> str:
    """Return a step by its name and the first of its parameters that says how much."""
    amounts = (f" ({words.plain(name)} {words.value(each)})" for name, each in step.items() if name != "technique")
    return words.plain(step["technique"]) + next(amounts, "")


def progress(job: Job) -> str:
    """Return how far a running job is, in words; empty for any other."""
    share = (job.progress or {}).get("fraction") if stage(job) else None
    return stage(job) if share is None else f"{stage(job)}, {share:.0%}"


def stage(job: Job) -> str:
    """Return what a running job is at; empty for any other."""
    return words.plain(job.progress["stage"]) if job.state is JobState.RUNNING and job.progress else ""


def said(job: Job) -> str:
    """Return what to tell a listener: the state, and while it runs the stage, without every percent of it."""
    return ": ".join(filter(None, (job.state.value, stage(job))))


def trouble(error: Json) -> Trouble:
    """Return the *error* of a job with what can be done about it."""
    again = "The same request may succeed later: try it again."
    other = "The same request would fail again: change what the message names, then submit it."
    return Trouble(
        code=error["code"],
        message=error["message"],
        meaning=meaning_of(error["code"]),
        advice=again if error["retryable"] else other,
        stage=words.plain(error["stage"] or ""),
    )


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "Accepted", words.moment(job.created_at)
    if job.started_at:
        yield "Began", words.moment(job.started_at)
    if job.ended_at:
        yield "Ended", words.moment(job.ended_at)
    if job.started_at and job.ended_at:
        yield "Took", words.duration((job.ended_at - job.started_at).total_seconds())
    if job.state is JobState.QUEUED:
        yield "Waits until", words.moment(job.queue_deadline)
    if job.attempt:
        yield "Attempt", f"{job.attempt} of at most {job.max_attempts}"
    if data := job.request.get("data"):
        yield "Data", data["uri"]


def events_of(events: Sequence[Json]) -> list[tuple[str, str]]:
    """Return when each event was and what it said."""
    return [(event["at"], event["message"] or _stage(event)) for event in events]


def _stage(event: Json) -> str:
    data, at = event["data"], words.plain(event["stage"] or event["type"])
    return f"{at}, {data['step']} of {data['steps']}" if data.get("steps") else at


def files_of(manifest: Json | None) -> list[tuple[str, str, str]]:
    """Return path, size and hash of each file."""
    return [(each["path"], words.size(each["bytes"]), each["sha256"]) for each in manifest["files"]] if manifest else []
