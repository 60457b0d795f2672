"""What the service answers. Words that may grow are open strings: an older client must survive a new one."""

from collections.abc import Iterable
from typing import Any

from marshmallow import fields

from jobs.contract.state import JobKind, JobState
from service.schemas.base import AnswerSchema

STAGES = (
    "fetch, load, a technique's name while its step runs, evaluate, recover, write, export, profile, breakdown, "
    "points, chart or publish"
)


def text(about: str, **options: Any) -> fields.String:
    """Return a string that is always there."""
    return fields.String(required=True, metadata={"description": about}, **options)


def words(known: Iterable[str], about: str) -> fields.String:
    """Return a string whose *known* values are published without closing the list."""
    return fields.String(required=True, metadata={"description": about, "x_extensible_enum": [*map(str, known)]})


def moment(about: str, **options: Any) -> fields.String:
    """Return an RFC 3339 time in UTC."""
    return fields.String(required=True, metadata={"description": about, "format": "date-time"}, **options)


def count(about: str, **options: Any) -> fields.Integer:
    """Return a whole number that is always there."""
    return fields.Integer(required=True, metadata={"description": about}, **options)


def flag(about: str) -> fields.Boolean:
    """Return a truth value that is always there."""
    return fields.Boolean(required=True, metadata={"description": about})


def free(about: str, **options: Any) -> fields.Dict:
    """Return an object of any shape."""
    return fields.Dict(required=True, metadata={"description": about}, **options)


class Progress(AnswerSchema):
    """How far a running job is."""

    stage = text(f"{STAGES}; compress between two steps")
    step = count("Steps of the stage that are done")
    steps = count("Steps of the stage")
    fraction = fields.Float(
        required=True, allow_none=True, metadata={"description": "Share of the stage; null when unknown"}
    )


class JobError(AnswerSchema):
    """Why a job failed."""

    code = text("Stable name; see docs/errors")
    message = text("What was expected, what came and what to do")
    stage = text(f"What was under way: queue, {STAGES}", allow_none=True)
    retryable = flag("Whether the same request may succeed later")
    attempt = count("The attempt that failed last")


class JobLinks(AnswerSchema):
    """Where to read on."""

    self = text("The job")
    events = text("What happened so far")
    report = text("The figures, once it has succeeded")
    artifacts = text("The files, once it has succeeded; plans and profiles have none")


class Job(AnswerSchema):
    """One request and its life."""

    id = text("job_ and a ULID")
    kind = words(JobKind, "What was asked for")
    state = words(JobState, "Where it is in its life")
    terminal = flag("Whether nothing can follow this state")
    created_at = moment("When it was accepted")
    started_at = moment("When the last attempt began", allow_none=True)
    ended_at = moment("When it ended", allow_none=True)
    expires_at = moment(
        "Until when it waits for a worker; once it has ended, until when it and what it made are kept (null: for ever)",
        allow_none=True,
    )
    attempt = count("The present attempt; 0 before the first")
    max_attempts = count("Attempts before it fails for good")
    progress = fields.Nested(Progress, required=True, allow_none=True)
    request = free("What was asked for, as it was accepted")
    parent = text("The job that this one is part of", allow_none=True)
    retry_of = text("The job that this one repeats", allow_none=True)
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    error = fields.Nested(JobError, required=True, allow_none=True)
    links = fields.Nested(JobLinks, required=True)


class JobPage(AnswerSchema):
    """Jobs, newest first."""

    data = fields.List(fields.Nested(Job), required=True)
    next_cursor = text("What to ask for the next page with; null on the last", allow_none=True)
    has_more = flag("Whether there is a next page")


class Event(AnswerSchema):
    """One thing that happened to a job."""

    id = text("Grows along the log")
    at = moment("When")
    type = words(["state", "progress"], "What kind of thing")
    stage = text("The stage of the job", allow_none=True)
    message = text("In words")
    data = free("Figures that go with it")


class EventPage(AnswerSchema):
    """Events, oldest first."""

    data = fields.List(fields.Nested(Event), required=True)
    next_after = text("What to pass as after, to read on from here; null before the first event", allow_none=True)
    has_more = flag("Whether more events are there already")


class ManifestSource(AnswerSchema):
    """The model that went in."""

    uri = text("As it was asked for")
    revision = text("What the reference stood for then", allow_none=True)
    sha256 = text("Hash over its files")


class ManifestFile(AnswerSchema):
    """One file of the artifact."""

    path = text("Its path within the artifact")
    bytes = count("Its size [bytes]")
    sha256 = text("SHA-256 of its content, in hexadecimal")


class Manifest(AnswerSchema):
    """Every file of the artifact with its hash."""

    schema = text("Version of this document")
    job = text("The job that wrote it")
    attempt = count("The attempt that wrote it")
    source = fields.Nested(ManifestSource, required=True)
    request_sha256 = text("Hash of the request")
    files = fields.List(fields.Nested(ManifestFile), required=True)
    versions = free("Releases of the software that wrote it")


class UploadPart(AnswerSchema):
    """One part of a file: PUT its bytes to the URL and keep the ETag of the answer."""

    number = count("Its number, from 1")
    url = text("Presigned; a secret while it lasts")


class UploadFileParts(AnswerSchema):
    """One file and where to send it."""

    path = text("Its path within the upload")
    bytes = count("Its size [bytes]")
    parts = fields.List(fields.Nested(UploadPart), required=True)


class Upload(AnswerSchema):
    """A folder on its way to the store."""

    id = text("upl_ and a ULID")
    uri = text("What to use as model or data URI")
    state = words(["open", "complete"], "Whether it can be used")
    part_bytes = count("Size of every part but a file's last [bytes]")
    files = fields.List(
        fields.Nested(UploadFileParts), required=True, metadata={"description": "The first of its files, or a page"}
    )
    next_offset = count("What to ask for the next files with, as offset; null with the last", allow_none=True)


class Technique(AnswerSchema):
    """One entry of the catalogue."""

    name = text("The tag of its steps")
    summary = text("What it does, in a line")
    description = text("What it does")
    sources = fields.List(fields.String(), required=True, metadata={"description": "Papers"})
    needs_data = free("Empty: never; always: true; or when: the parameters that make it learn from data")
    parameters = free("JSON Schema (2020-12) of its parameters")


class TechniqueList(AnswerSchema):
    """The catalogue."""

    data = fields.List(fields.Nested(Technique), required=True)


class Health(AnswerSchema):
    """What answers."""

    status = text("ok")
    checks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class ProblemField(AnswerSchema):
    """One wrong field: ``pointer`` into the body or ``parameter`` of the query."""

    pointer = fields.String(metadata={"description": "JSON Pointer (RFC 6901) into the body"})
    parameter = fields.String(metadata={"description": "Name of the query parameter"})
    detail = text("What was expected and what came")


class Problem(AnswerSchema):
    """An error (RFC 9457)."""

    type = text("Where the code is explained")
    title = text("Phrase of the status")
    status = count("HTTP status")
    detail = text("What was expected, what came and what to do")
    instance = text("The path asked for")
    code = text("Stable name; see docs/errors")
    request_id = text("Name this when you ask for help")
    retryable = flag("Whether the same request may succeed later")
    errors = fields.List(fields.Nested(ProblemField), required=True)
