"""Collaborators in memory: quick, honest about tenants, and open to the test that drives them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from limits.storage import MemoryStorage
from redis import Redis

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import InvalidRequestError, QueueError, UploadConflictError
from jobs.contract.state import JobState
from jobs.landscape.assemble import assemble
from jobs.state.deliveries import Deliveries
from jobs.state.idempotency import Idempotency
from jobs.state.keys import Holder
from jobs.state.reading import Page
from jobs.state.records import Job, is_job_id, new_id
from jobs.state.webhooks import Webhooks
from jobs.state.working_memory import Glance
from jobs.telemetry.tally import Counted
from jobs.telemetry.tracing import NoTracer
from service.app import create_app
from service.identity import provider
from service.limiting import RateLimits
from service.polling import LongPolls
from service.ports import Services
from service.settings import ServiceSettings
from service.streaming import Streams

Json = dict[str, Any]
KEY, OTHER_KEY = "mp_test_key", "mp_other_key"
TENANT, OTHER_TENANT = "tnt_one", "tnt_two"
NO_REDIS = Redis.from_url("redis://127.0.0.1:1/0")
"""Nobody listens there: what can do without Redis does."""
NOW = datetime(2030, 1, 1, tzinfo=UTC)
FILES = [
    {"path": "config.json", "bytes": 2, "sha256": "0" * 64},
    {"path": "sub/model.safetensors", "bytes": 8, "sha256": "1" * 64},
]


@dataclass
class FakeLedger:
    """Jobs in a dictionary; a job of another tenant is not there."""

    jobs: dict[str, Job] = field(default_factory=dict)
    reports: dict[str, Json] = field(default_factory=dict)

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
        admit: Callable[[Job], object] = lambda job: None,
    ) -> Job:
        """Keep a new job."""
        if job_id in self.jobs:
            return self.jobs[job_id]
        job = Job(
            id=job_id or new_id("job"),
            retry_of=retry_of,
            tenant=tenant,
            kind=kind,
            request=request,
            created_at=NOW,
            queued_at=NOW,
            labels=dict(labels or {}),
            traceparent=traceparent,
        )
        admit(job)
        self.jobs[job.id] = job
        return job

    def move(self, job_id: str, state: JobState, **values: Any) -> None:
        """Put a job into another state."""
        self.jobs[job_id] = replace(self.jobs[job_id], state=state, **values)

    def show(self, tenant: str, job_id: str) -> Job | None:
        """Return the tenant's job."""
        job = self.jobs.get(job_id)
        return job if job is not None and job.tenant == tenant and not job.gone(NOW) else None

    def glance(self, tenant: str, job_id: str, last: Glance | None) -> Glance | None:
        """Return the tenant's job, by the texts of a record."""
        job = self.show(tenant, job_id)
        if job is None or (last is not None and last.texts == job.to_hash()):
            return last if job else None
        return Glance(job, job.to_hash())

    def is_gone(self, tenant: str, job_id: str) -> bool:
        """Return whether the time of the tenant's job is over."""
        job = self.jobs.get(job_id)
        return job is not None and job.tenant == tenant and job.gone(NOW)

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
        """Return the tenant's jobs that fit, newest first."""
        if cursor and not is_job_id(cursor):
            raise InvalidRequestError(f"Expected the next_cursor of an earlier page; got {cursor!r}.")
        wanted = [
            job
            for job in sorted(self.jobs.values(), key=lambda each: each.id, reverse=True)
            if job.tenant == tenant
            and state in (None, job.state)
            and kind in (None, job.kind)
            and (not cursor or job.id < cursor)
            and (not label or label in {*job.labels, *(f"{key}={value}" for key, value in job.labels.items())})
        ]
        page = wanted[:limit]
        return Page(tuple(page), page[-1].id if len(wanted) > limit else None)

    def request_cancel(self, tenant: str, job_id: str) -> Job | None:
        """Cancel the tenant's job if it waits."""
        job = self.show(tenant, job_id)
        if job is not None and job.state is JobState.QUEUED:
            self.move(job_id, JobState.CANCELLED, ended_at=NOW)
        return self.show(tenant, job_id)

    def report(self, tenant: str, job_id: str) -> Json | None:
        """Return what the test has put there."""
        return self.reports.get(job_id) if self._succeeded(tenant, job_id) else None

    def manifest(self, tenant: str, job_id: str) -> Json | None:
        """Return a manifest of two files."""
        if not self._succeeded(tenant, job_id):
            return None
        return {
            "schema": "modelpress/manifest/v1",
            "job": job_id,
            "attempt": 1,
            "source": {"uri": "s3://models/tiny", "revision": None, "sha256": "2" * 64},
            "request_sha256": "3" * 64,
            "files": FILES,
            "versions": {"modelpress": "0.1.0"},
        }

    def artifact_key(self, tenant: str, job_id: str, path: str) -> str | None:
        """Return the key of a file of the manifest."""
        manifest = self.manifest(tenant, job_id)
        names = {each["path"] for each in manifest["files"]} if manifest else set()
        return f"tenants/{tenant}/jobs/{job_id}/attempts/1/files/{path}" if path in names else None

    def _succeeded(self, tenant: str, job_id: str) -> bool:
        job = self.show(tenant, job_id)
        return job is not None and job.state is JobState.SUCCEEDED


@dataclass
class FakeLandscapes:
    """Landscapes whose points have all just begun."""

    cancelled: list[str] = field(default_factory=list)
    reports: dict[str, Json] = field(default_factory=dict)

    def report(self, landscape: Job) -> Json:
        """Return what the test has put there, else a report without points."""
        return self.reports.get(landscape.id) or assemble([]).to_json()

    def cancel_points(self, landscape: Job) -> None:
        """Remember whose."""
        self.cancelled.append(landscape.id)


@dataclass
class FakeEvents:
    """Events in a list for each job; ids are ``<ms>-<n>`` as in Redis."""

    log: dict[str, list[Json]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    broken: bool = False
    sleep: Any = None

    def append(self, job_id: str, message: str) -> None:
        """Add an event."""
        events = self.log.setdefault(job_id, [])
        events.append(
            {
                "id": f"{len(events) + 1}-0",
                "at": "2030-01-01T00:00:00.000Z",
                "type": "progress",
                "stage": "compress",
                "message": message,
                "data": {},
            }
        )

    def page(self, job_id: str, *, after: str = "", limit: int = 100) -> list[Json]:
        """Return what follows *after*."""
        begin = 0
        if after:
            head = after.partition("-")[0]
            if not head.isascii() or not head.isdigit():
                raise InvalidRequestError(f"Expected after=<id of an event>; got {after!r}.")
            begin = int(head)
        return self.log.get(job_id, [])[begin : begin + limit]

    def follow(self, job_id: str, *, after: str, wait_s: float) -> list[Json]:
        """Return what follows *after*; wait where there is nothing."""
        if self.broken:
            raise QueueError("Redis did not answer; try again.")
        found = self.page(job_id, after=after, limit=1000)
        if not found:
            self.sleep(wait_s)
        return found

    def is_gone(self, job_id: str, after: str) -> bool:
        """Return whether the test has said so."""
        return bool(after) and job_id in self.gone

    def latest(self, job_id: str, *, limit: int = 50) -> list[Json]:
        """Return the last ones, newest first."""
        return self.log.get(job_id, [])[::-1][:limit]


@dataclass
class FakeCount:
    """Streams of tenants, and how many each may have."""

    most: int = 2
    open: list[tuple[str, str]] = field(default_factory=list)
    renewed: int = 0

    def take(self, tenant: str) -> str | None:
        """Count one more."""
        if sum(whose == tenant for whose, _ in self.open) >= self.most:
            return None
        self.open.append((tenant, new_id("str")))
        return self.open[-1][1]

    def renew(self, tenant: str, token: str) -> None:
        """Remember that it was."""
        self.renewed += 1

    def give_back(self, tenant: str, token: str) -> None:
        """Count one less."""
        self.open.remove((tenant, token))


@dataclass
class FakeQueue:
    """Remembers what was announced."""

    announced: list[tuple[str, int]] = field(default_factory=list)
    broken: bool = False
    length: int = 0

    def waiting(self) -> int:
        """Return what the test has put there, or fail as a queue does."""
        if self.broken:
            raise QueueError("Redis did not answer; try again.")
        return self.length

    def enqueue(self, job: Job) -> None:
        """Remember, or fail as a queue does."""
        if self.broken:
            raise QueueError("Redis did not answer; try again.")
        self.announced.append((job.id, job.limits.run_timeout_s))


@dataclass
class FakeUploads:
    """Uploads in a dictionary."""

    known: dict[str, tuple[str, Json]] = field(default_factory=dict)

    def create(self, tenant: str, files: Sequence[Json], upload_id: str | None = None) -> Json:
        """Keep a new upload of one part a file."""
        identifier = upload_id or new_id("upl")
        upload = {
            "id": identifier,
            "uri": f"upload://{identifier}",
            "state": "open",
            "part_bytes": 16_777_216,
            "files": [{**each, "parts": [{"number": 1, "url": "https://store.example/part?n=1"}]} for each in files],
            "next_offset": None,
        }
        self.known[identifier] = (tenant, upload)
        return upload

    def show(self, tenant: str, upload_id: str, *, offset: int = 0, limit: int = 1000) -> Json | None:
        """Return the tenant's upload, all of it."""
        owner, upload = self.known.get(upload_id, ("", None))
        return upload if owner == tenant else None

    def complete(self, tenant: str, upload_id: str, files: Sequence[Json]) -> Json | None:
        """Complete the tenant's upload if every file is named."""
        upload = self.show(tenant, upload_id)
        if upload is None:
            return None
        if {each["path"] for each in files} != {each["path"] for each in upload["files"]}:
            raise UploadConflictError("Expected the parts of every announced file.")
        upload["state"] = "complete"
        return upload


@dataclass
class FakeAdmission:
    """Lets everybody in until a test says why not."""

    refusal: Exception | None = None

    def admit(self, job: Job) -> None:
        """Raise what the test has put there."""
        if self.refusal is not None:
            raise self.refusal

    def admit_bytes(self, tenant: str, announced: int) -> None:
        """Raise it too."""
        if self.refusal is not None:
            raise self.refusal


@dataclass
class FakeAudit:
    """Notes in a list."""

    notes: list[dict[str, str]] = field(default_factory=list)

    def note(self, **note: str) -> None:
        """Keep it."""
        self.notes.append(note)


@dataclass
class FakeKeys:
    """Two tenants, a key each; at hand are those that were found before."""

    held: dict[str, Holder] = field(
        default_factory=lambda: {
            KEY: Holder("one", TENANT, "1" * 64),
            OTHER_KEY: Holder("two", OTHER_TENANT, "2" * 64),
        }
    )

    in_use: set[str] = field(default_factory=set)

    def identify(self, key: str, *, seek: bool = True) -> Holder | None:
        """Return who holds it."""
        if not seek and key not in self.in_use:
            return None
        self.in_use.add(key)
        return self.held.get(key)

    def holder(self, key_id: str) -> Holder | None:
        """Return who holds the key with this id."""
        return next((each for each in self.held.values() if each.key_id == key_id), None)


@dataclass
class FakeTally:
    """What the test has counted."""

    counted: list[Counted] = field(default_factory=list)
    broken: bool = False

    def counters(self) -> Iterator[Counted]:
        """Yield all, or fail as Redis does."""
        if self.broken:
            raise QueueError("Redis did not answer; try again.")
        yield from self.counted

    def gauges(self, writer: str) -> Iterator[Counted]:
        """Yield none."""
        yield from ()


def fake_link(key: str, *, filename: str) -> str:
    """Return a URL that says everything and signs nothing."""
    return f"https://store.example/{key}?filename={filename}"


@dataclass
class FakeClock:
    """Time that passes only when somebody sleeps; *then* happens after each sleep."""

    now: float = 0.0
    then: Any = None

    def monotonic(self) -> float:
        """Return the time [s]."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if self.then is not None:
            self.then()


class World:
    """An application with its collaborators at hand."""

    def __init__(self, settings: ServiceSettings | None = None) -> None:
        self.settings = settings or ServiceSettings(rate_limit=0, rate_limit_failures=0)
        self.ledger, self.events, self.queue, self.uploads = FakeLedger(), FakeEvents(), FakeQueue(), FakeUploads()
        self.landscapes, self.clock, self.keys = FakeLandscapes(), FakeClock(), FakeKeys()
        self.admission, self.audit = FakeAdmission(), FakeAudit()
        self.limits = RateLimits(MemoryStorage(), self.settings.rate_limit, self.settings.rate_limit_failures)
        self.tally = FakeTally()
        self.known_keys, self.counted, told = MemoryStore(), FakeCount(), MemoryStore()
        self.webhooks = Webhooks(told)
        self.deliveries = Deliveries(told, self.webhooks)
        self.events.sleep = self.clock.sleep
        self.probes: dict[str, Any] = {"queue": lambda: None, "store": lambda: None}
        polls = LongPolls(
            self.settings.long_polls,
            self.settings.long_poll_step_ms / 1000,
            monotonic=self.clock.monotonic,
            sleep=self.clock.sleep,
        )
        outside = Services(
            settings=self.settings,
            ledger=self.ledger,
            landscapes=self.landscapes,
            events=self.events,
            queue=self.queue,
            uploads=self.uploads,
            keys=self.keys,
            admission=self.admission,
            limits=self.limits,
            tokens=provider(self.settings),
            audit=self.audit,
            idempotency=Idempotency(self.known_keys, NO_REDIS, kept_s=86_400),
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            link=fake_link,
            probes=self.probes,
            long_polls=polls,
            tally=self.tally,
            tracer=NoTracer(),
            streams=Streams(
                self.events,
                self.counted,
                self.settings.streams,
                self.settings.stream_s,
                monotonic=self.clock.monotonic,
                sleep=self.clock.sleep,
            ),
        )
        self.app = create_app(outside)
        self.client = self.app.test_client()
        self.headers = {"Authorization": f"Bearer {KEY}"}

    def forget_keys(self) -> None:
        """Let every Idempotency-Key be a new one."""
        for found in list(self.known_keys.list("")):
            self.known_keys.delete(found.key)

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        """Return the answer to a call with the first tenant's key."""
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **kwargs)

    def submit(self, **extra: Any) -> str:
        """Return the id of a job that was submitted over HTTP."""
        answer = self.call("POST", "/v1/compressions", json={**REQUEST, **extra})
        return str(answer.get_json()["id"])


REQUEST: Json = {"model": {"uri": "s3://models/minilm"}, "steps": [{"technique": "head_pruning", "heads_removed": 0.5}]}
