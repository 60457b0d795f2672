"""What the HTTP side asks of its collaborators; `jobs.state` has the real ones, the tests their fakes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from flask import current_app

from jobs.contract.state import JobState
from jobs.state.deliveries import Deliveries
from jobs.state.idempotency import Asked
from jobs.state.keys import Holder
from jobs.state.reading import Page
from jobs.state.records import Job
from jobs.state.webhooks import Webhooks
from jobs.state.working_memory import Glance
from jobs.telemetry.tally import Counted
from jobs.telemetry.tracing import Tracer
from service.identity import Tokens
from service.limiting import RateLimits
from service.polling import LongPolls
from service.settings import ServiceSettings
from service.streaming import Streams

Json = dict[str, Any]
T = TypeVar("T")
EXTENSION = "modelpress"


class Ledger(Protocol):
    """The jobs of all tenants; whatever belongs to another tenant is not there."""

    def accept(
        self,
        tenant: str,
        kind: str,
        request: Json,
        *,
        labels: Mapping[str, str] | None = None,
        retry_of: str | None = None,
        job_id: str | None = None,
        is_new: bool = False,
        traceparent: str | None = None,
        admit: Callable[[Job], object],
    ) -> Job:
        """Return a new job that can no longer be lost, or the one that was accepted as *job_id* before.

        A new one is first shown to *admit*, which raises where it may not be.
        """

    def show(self, tenant: str, job_id: str) -> Job | None:
        """Return the job."""

    def glance(self, tenant: str, job_id: str, last: Glance | None) -> Glance | None:
        """Return the job if it is at hand: as *last*, itself, where it has not changed since."""

    def is_gone(self, tenant: str, job_id: str) -> bool:
        """Return whether there was such a job, and its time is over."""

    def page(
        self,
        tenant: str,
        *,
        state: JobState | None = None,
        kind: str | None = None,
        label: str | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page:
        """Return jobs, newest first."""

    def request_cancel(self, tenant: str, job_id: str) -> Job | None:
        """Return the job after its caller has changed their mind."""

    def report(self, tenant: str, job_id: str) -> Json | None:
        """Return the report of a job that succeeded."""

    def manifest(self, tenant: str, job_id: str) -> Json | None:
        """Return the manifest of a job that succeeded."""

    def artifact_key(self, tenant: str, job_id: str, path: str) -> str | None:
        """Return the object that holds a file of the manifest."""


class Landscapes(Protocol):
    """Jobs that are made of others."""

    def report(self, landscape: Job) -> Json:
        """Return what has come of its points so far."""

    def cancel_points(self, landscape: Job) -> None:
        """Ask for the end of those that still go on."""


class Events(Protocol):
    """What happened to each job."""

    def page(self, job_id: str, *, after: str = "", limit: int = 100) -> list[Json]:
        """Return events, oldest first."""

    def is_gone(self, job_id: str, after: str) -> bool:
        """Return whether some of what followed *after* is no longer kept."""

    def latest(self, job_id: str, *, limit: int = 50) -> list[Json]:
        """Return the last events, newest first."""


class Queue(Protocol):
    """Hands jobs to workers."""

    def enqueue(self, job: Job) -> None:
        """Announce a job."""

    def waiting(self) -> int:
        """Return how many jobs wait for a worker."""


class Uploads(Protocol):
    """Folders that callers send straight to the store."""

    def create(self, tenant: str, files: Sequence[Json], upload_id: str | None = None) -> Json:
        """Return a new upload, called *upload_id* if that is given, with presigned part URLs."""

    def show(self, tenant: str, upload_id: str, *, offset: int = 0, limit: int = 1000) -> Json | None:
        """Return the upload with a page of its files, and fresh URLs."""

    def complete(self, tenant: str, upload_id: str, files: Sequence[Json]) -> Json | None:
        """Return the upload, whose files are now whole."""


class Idempotency(Protocol):
    """Makes once what is asked for several times with one key."""

    def once(self, asked: Asked, *, find: Callable[[str], T | None], make: Callable[[str], T]) -> tuple[T, bool]:
        """Return what is asked for, and whether an earlier request has made it."""


class Keys(Protocol):
    """Who may call."""

    def identify(self, key: str, *, seek: bool = True) -> Holder | None:
        """Return who holds the key; unless it is to *seek*, only if that is at hand."""

    def holder(self, key_id: str) -> Holder | None:
        """Return who holds the key with this id, for as long as it is good."""


class Tally(Protocol):
    """What workers and janitor have counted."""

    def counters(self) -> Iterator[Counted]:
        """Yield all counters."""

    def gauges(self, writer: str) -> Iterator[Counted]:
        """Yield the gauges of *writer*."""


class Admission(Protocol):
    """Whether a tenant may have one more."""

    def admit(self, job: Job) -> None:
        """Count a job, or raise."""

    def admit_bytes(self, tenant: str, announced: int) -> None:
        """Count bytes that are about to be uploaded, or raise."""


class Audit(Protocol):
    """Who changed what."""

    def note(self, *, who: str, tenant: str, what: str, outcome: str, **more: str) -> None:
        """Write it down."""


class Link(Protocol):
    """Hands out a download."""

    def __call__(self, key: str, *, filename: str) -> str:
        """Return a presigned URL that downloads the object *key* as *filename*."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the views work with.

    Attributes:
        probes: name to a call that returns when that part answers, and raises when it does not.
        long_polls: lets requests wait.
        tally: what workers and janitor have counted.
        tracer: records spans.
        streams: tells of jobs as things happen.
    """

    settings: ServiceSettings
    ledger: Ledger
    landscapes: Landscapes
    events: Events
    queue: Queue
    uploads: Uploads
    keys: Keys
    admission: Admission
    limits: RateLimits
    tokens: Tokens | None
    audit: Audit
    idempotency: Idempotency
    webhooks: Webhooks
    deliveries: Deliveries
    link: Link
    probes: Mapping[str, Callable[[], object]]
    long_polls: LongPolls
    tally: Tally
    tracer: Tracer
    streams: Streams


def services() -> Services:
    """Return the collaborators of the running application."""
    return cast(Services, current_app.extensions[EXTENSION])
