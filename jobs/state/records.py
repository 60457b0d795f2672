"""The values of a job's state: the job itself, a lease on it, and how both are written down."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from ulid import ULID

from jobs.contract.spec import Json, Limits
from jobs.contract.state import JobKind, JobState
from jobs.state.versions import NewerDocumentError, readable, schema_of

_JOB_ID = re.compile(r"job_[0-9A-HJKMNP-TV-Z]{26}")
_TIMES = {"created_at", "queued_at", "started_at", "ended_at", "lease_until", "not_before", "expires_at"}
_DOCUMENTS = {"request", "labels", "progress", "error"}
_NUMBERS = {"attempt", "max_attempts", "version"}
J = TypeVar("J", bound="Job")


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it is now.

    Attributes:
        queued_at: when it last began to wait.
        traceparent: trace context of the call that asked for it.
        expires_at: until when it is kept, once it has ended; None: for ever.
        attempt: number of the last attempt begun, 0 before the first.
        token: proof of the present lease; empty while nobody holds one.
        worker: who holds it.
        lease_until: when it lapses unless the worker is heard of.
        not_before: a retry waits until then.
        version: grows with every change; compare-and-set and ETags rest on it.
        schema: of the request as it was accepted.
    """

    id: str
    tenant: str
    kind: str
    request: Json
    created_at: datetime
    queued_at: datetime
    state: JobState = JobState.QUEUED
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    attempt: int = 0
    max_attempts: int = 3
    progress: Json | None = None
    parent: str | None = None
    retry_of: str | None = None
    traceparent: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    error: Json | None = None
    token: str = ""
    worker: str = ""
    lease_until: datetime | None = None
    not_before: datetime | None = None
    version: int = 1
    schema: str = schema_of("request")

    @property
    def limits(self) -> Limits:
        """Return when to give up, defaults filled in."""
        return Limits.from_json(self.request.get("limits") or {})

    @property
    def queue_deadline(self) -> datetime:
        """Return until when the job waits for a worker."""
        return self.queued_at + timedelta(seconds=self.limits.queue_timeout_s)

    @property
    def waits_for_points(self) -> bool:
        """Return whether it is a landscape whose points are under way: nobody holds a lease on it meanwhile."""
        return self.state is JobState.RUNNING and self.attempt == 0

    def expired(self, now: datetime) -> bool:
        """Return whether it waited too long."""
        return self.state is JobState.QUEUED and now >= self.queue_deadline

    def gone(self, now: datetime) -> bool:
        """Return whether it is kept no longer; a point of a landscape is for as long as that is, and not asked here."""
        return self.expires_at is not None and now >= self.expires_at and self.parent is None

    def lapsed(self, now: datetime) -> bool:
        """Return whether an attempt is under way whose worker has not been heard of for too long."""
        under_way = self.state in {JobState.RUNNING, JobState.CANCELLING} and not self.waits_for_points
        return under_way and (self.lease_until is None or now >= self.lease_until)

    def overdue(self, now: datetime) -> bool:
        """Return whether the present attempt has used up its time."""
        began = self.started_at
        return began is not None and now >= began + timedelta(seconds=self.limits.run_timeout_s)

    def to_resource(self) -> Json:
        """Return the job as callers see it."""
        waiting = self.state is JobState.QUEUED
        here = f"/v1/jobs/{self.id}"
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state.value,
            "terminal": self.state.terminal,
            "created_at": format_time(self.created_at),
            "started_at": format_time(self.started_at),
            "ended_at": format_time(self.ended_at),
            "expires_at": format_time(self.queue_deadline if waiting else self.expires_at),
            "attempt": self.attempt,
            "max_attempts": self.max_attempts,
            "progress": self.progress,
            "request": self.request,
            "parent": self.parent,
            "retry_of": self.retry_of,
            "labels": dict(self.labels),
            "error": self.error,
            "links": {
                "self": here,
                "events": f"{here}/events",
                "report": f"{here}/report",
                "artifacts": f"{here}/artifacts",
            },
        }

    def to_request(self) -> Json:
        """Return what is fixed at acceptance: the content of ``request.json``."""
        return {
            "schema": self.schema,
            "id": self.id,
            "tenant": self.tenant,
            "kind": self.kind,
            "created_at": format_time(self.created_at),
            "max_attempts": self.max_attempts,
            "request": self.request,
            "labels": dict(self.labels),
            "parent": self.parent,
            "retry_of": self.retry_of,
            "traceparent": self.traceparent,
        }

    @classmethod
    def from_request(cls, document: Mapping[str, Any]) -> Self:
        """Return the job as it was accepted."""
        rest = {key: value for key, value in _known(document).items() if key != "created_at"}
        created = parse_time(document["created_at"])
        return _checked(cls(created_at=created, queued_at=created, **rest))

    def to_hash(self) -> dict[str, str]:
        """Return the job as a flat hash of texts."""
        return to_fields({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def from_hash(cls, texts: Mapping[str, str]) -> Self:
        """Return the job that ``to_hash`` wrote."""
        return _checked(cls(**{name: _read(name, text) for name, text in _known(texts).items()}))

    def understood(self) -> Self:
        """Return the job, for somebody who will act on what it asks for; anybody may show it.

        Raises:
            NewerDocumentError: a newer release accepted it, and what it asks for is known to that one alone.
        """
        readable({"schema": self.schema}, "request")
        if self.kind not in set(JobKind):
            raise NewerDocumentError(f"Expected a job of a known kind; got {self.kind!r}, which a newer release knows.")
        return self


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job: *attempt* is the fencing token, *token* its proof."""

    job: Job
    attempt: int
    token: str


def new_id(prefix: str) -> str:
    """Return ``prefix_`` and a ULID: ids of one prefix sort by the time of their making."""
    return f"{prefix}_{ULID()}"


def retry_id(job: Job) -> str | None:
    """Return the id of the one job that may try *job* again: whoever asks, the same.

    None unless it has ended without a result. Ids sort by time: this one by that of the end.
    """
    if job.ended_at is None or job.state is JobState.SUCCEEDED:
        return None
    moment = ULID.from_datetime(job.ended_at).bytes[:6]
    return f"job_{ULID.from_bytes(moment + hashlib.sha256(f'{job.id} again'.encode()).digest()[:10])}"


def new_token() -> str:
    """Return a proof that nobody guesses."""
    return secrets.token_hex(16)


def is_job_id(text: str) -> bool:
    """Return whether *text* can be a job's id."""
    return _JOB_ID.fullmatch(text) is not None


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def format_time(moment: datetime | None) -> str | None:
    """Return RFC 3339 text with milliseconds."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the moment that ``format_time`` wrote."""
    return datetime.fromisoformat(text)


def to_fields(values: Mapping[str, Any]) -> dict[str, str]:
    """Return *values* as the texts of a hash; None becomes the empty text."""
    return {name: _written(value) for name, value in values.items()}


def _checked(job: J) -> J:
    """Return *job*, which was read from somewhere; raises where it has not the types that everybody relies on."""
    texts = all(isinstance(each, str) for each in (job.id, job.tenant, job.kind))
    if not texts or not isinstance(job.labels, dict) or not isinstance(job.max_attempts, int):
        raise TypeError("a job of other types")
    _ = job.queue_deadline, job.limits.run_timeout_s + 0
    return job


def _known(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a job has a field for: a newer release may say more."""
    names = {each.name for each in fields(Job)}
    return {name: value for name, value in document.items() if name in names}


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value)


def _read(name: str, text: str) -> Any:
    if name in _DOCUMENTS:
        return json.loads(text) if text else None
    if name in _TIMES:
        return parse_time(text) if text else None
    if name in _NUMBERS:
        return int(text)
    if name == "state":
        return JobState(text)
    return text if text or name in {"token", "worker"} else None
