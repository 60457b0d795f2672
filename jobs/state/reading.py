"""What can be asked about jobs: from Redis where it knows, else from the archive, which also fills Redis again."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from redis import Redis

from jobs.contract.errors import InvalidRequestError, QueueError
from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state import records
from jobs.state.archive import Archive, job_prefix
from jobs.state.documents import UnreadableDocumentError, making_sense_of
from jobs.state.history import history, rebuilt
from jobs.state.objects import ObjectStore
from jobs.state.records import Job
from jobs.state.versions import NewerDocumentError
from jobs.state.working_memory import Glance, WorkingMemory

PAGE_MAX = 100
SCANNED_MAX = 1000
"""Jobs that one page looks at, whatever it seeks: the next page goes on from there."""
log = logging.getLogger("modelpress.reading")


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, and the cursor of the next ones (None at the end)."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


class LedgerReader:
    """Shows jobs to their tenants; a foreign id is as unknown as a made-up one.

    Args:
        store: the bucket of the archive.
        redis: a client that decodes its responses.
        lease_s: how long an attempt may be silent [s].
        clock: tells the time.
    """

    def __init__(
        self,
        store: ObjectStore,
        redis: "Redis",
        *,
        lease_s: float = 60,
        clock: Callable[[], datetime] = records.utc_now,
    ) -> None:
        self._archive = Archive(store)
        self._memory = WorkingMemory(redis)
        self._lease = timedelta(seconds=lease_s)
        self._clock = clock

    @property
    def lease(self) -> timedelta:
        """Return how long an attempt may be silent."""
        return self._lease

    def show(self, tenant: str, job_id: str) -> Job | None:
        """Return the tenant's job, or None; one whose time is over is not there."""
        job = self._found(tenant, job_id)
        return None if job is None or job.gone(self._clock()) else job

    def glance(self, tenant: str, job_id: str, last: Glance | None) -> Glance | None:
        """Return the tenant's job if Redis has it: as *last*, itself, where it has not changed since.

        None says nothing: ``show`` knows what Redis does not.

        Raises:
            QueueError: Redis does not answer.
        """
        seen = self._memory.glance(job_id, last)
        return seen if seen is not None and seen.job.tenant == tenant and not seen.job.gone(self._clock()) else None

    def is_gone(self, tenant: str, job_id: str) -> bool:
        """Return whether the tenant had such a job, and its time is over."""
        if not records.is_job_id(job_id):
            return False
        job = self._found(tenant, job_id)
        return self._archive.is_gone(tenant, job_id) if job is None else job.gone(self._clock())

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
        """Return up to *limit* of the tenant's jobs, newest first, that fit the filters.

        Where few fit, a page may have less than *limit*, even none, and still a next one.

        Args:
            tenant: whose.
            state: only jobs in this state.
            kind: only jobs of this kind.
            label: only jobs with this label: ``key`` or ``key=value``.
            cursor: the ``next_cursor`` of the page before.
            limit: at most 100.

        Raises:
            InvalidRequestError: the cursor is none of ours.
        """
        if cursor and not records.is_job_id(cursor):
            raise InvalidRequestError(f"Expected the next_cursor of an earlier page; got {cursor[:40]!r}.")
        if not self._memory.is_indexed(tenant):
            self._memory.index(tenant, self._archive.job_ids(tenant))
        limit, found, last = min(limit, PAGE_MAX), list[Job](), cursor
        for looked_at, job in enumerate(self._newest(tenant, cursor or "")):
            fits = _fits(job, state, kind, label)
            if looked_at == SCANNED_MAX or (fits and len(found) == limit):
                return Page(tuple(found), last)
            found += [job] if fits else []
            last = job.id
        return Page(tuple(found), None)

    def manifest(self, tenant: str, job_id: str) -> Json | None:
        """Return the manifest of a job that succeeded."""
        return self._published(tenant, job_id, "manifest")

    def report(self, tenant: str, job_id: str) -> Json | None:
        """Return the report of a job that succeeded."""
        return self._published(tenant, job_id, "report")

    def artifact_key(self, tenant: str, job_id: str, path: str) -> str | None:
        """Return the object that holds the manifest's file *path*."""
        manifest = self.manifest(tenant, job_id)
        if manifest is None or path not in {each["path"] for each in manifest["files"]}:
            return None
        return f"{job_prefix(tenant, job_id)}attempts/{manifest['attempt']}/files/{path}"

    def find(self, job_id: str) -> Job | None:
        """Return a job that Redis knows, or an open one, whoever's it is, to act on it.

        Raises:
            NewerDocumentError: only a newer release can.
        """
        job = self._memory.read(job_id)
        if job is None and (tenant := self._archive.tenant_of(job_id)):
            job = self._rebuild(tenant, job_id)
        return None if job is None else job.understood()

    def known(self, job_ids: Iterable[str]) -> dict[str, Job | None]:
        """Return what Redis knows of several jobs, in one round trip; ``find`` each that it does not."""
        return self._memory.read_many(job_ids)

    def doubtful_ids(self) -> Iterator[str]:
        """Yield every job that Redis takes to go on, after it may have lost what it was told last.

        Lists of jobs are made anew from the archive when they are next asked for.
        """
        for tenant in self._archive.tenants():
            self._memory.doubt_index(tenant)
            yield from self._memory.unended(tenant)

    def check(self, job_id: str) -> bool:
        """Tell Redis again what the archive has of a job, where that is further on; return whether it was."""
        job = self._memory.read(job_id)
        if job is None:
            return False
        archived = self._archived(job.tenant, job_id)
        job = self._memory.read(job_id)  # again: it may have moved meanwhile
        if job is None or (archived is not None and not _is_behind(job, archived)):
            return False
        self._memory.forget(job_id)
        self._rebuild(job.tenant, job_id)
        return True

    def open_ids(self) -> Iterator[str]:
        """Yield every job that may not have ended."""
        return self._archive.open_ids()

    def _found(self, tenant: str, job_id: str) -> Job | None:
        if not records.is_job_id(job_id):
            return None
        try:
            job = self._memory.read(job_id) or self._rebuild(tenant, job_id)
        except QueueError:
            job = self._archived(tenant, job_id)
        return job if job is not None and job.tenant == tenant else None

    def _rebuild(self, tenant: str, job_id: str) -> Job | None:
        job = self._archived(tenant, job_id)
        if job is None:
            return None
        wish = self._archive.cancel_wish(tenant, job_id)
        claims = self._archive.claims(tenant, job_id) if job.attempt else []
        with making_sense_of(job_prefix(tenant, job_id)):
            told = [*history(job, claims, wish)]
        self._memory.create(job, told)
        return self._memory.read(job_id)

    def _archived(self, tenant: str, job_id: str) -> Job | None:
        request = self._archive.request(tenant, job_id)
        if request is None:
            return None
        is_open = self._archive.is_open(job_id)  # before its outcome: whoever ends a job writes that first
        outcome = self._archive.outcome(tenant, job_id)
        if outcome is None and not is_open:
            return None  # the marker could not be written, and the caller was told so
        if outcome is not None and self._archive.is_gone(tenant, job_id):
            return None  # it is being deleted
        cancelled = outcome is None and self._archive.cancel_wish(tenant, job_id) is not None
        claims = self._archive.claims(tenant, job_id)
        lease_until = self._clock() + self._lease
        with making_sense_of(job_prefix(tenant, job_id)):
            job = rebuilt(request, claims, outcome, cancelled=cancelled, lease_until=lease_until)
        more = self._archive.granted(tenant, job_id) if claims else 0
        return replace(job, max_attempts=job.max_attempts + more)

    def _newest(self, tenant: str, before: str) -> Iterator[Job]:
        for batch in self._memory.newest(tenant, before):
            for job_id, job in self._memory.read_many(batch).items():
                known = job or self._rebuilt_or_none(tenant, job_id)
                if known is not None and not known.gone(self._clock()):
                    yield known

    def _rebuilt_or_none(self, tenant: str, job_id: str) -> Job | None:
        try:
            return self._rebuild(tenant, job_id)
        except (UnreadableDocumentError, NewerDocumentError) as error:
            log.warning("%s is left out: %s", job_id, error)
            return None

    def _published(self, tenant: str, job_id: str, what: str) -> Json | None:
        job = self.show(tenant, job_id)
        if job is None or job.state is not JobState.SUCCEEDED:
            return None
        outcome = self._archive.outcome(tenant, job_id)
        return self._archive.document(outcome[what]) if outcome else None


def _is_behind(job: Job, archived: Job) -> bool:
    """Return whether *job*, as Redis has it, lacks what has happened to it for good."""
    if archived.state.terminal:
        return job.state is not archived.state
    wished = archived.state is JobState.CANCELLING and job.state is not JobState.CANCELLING
    return not job.state.terminal and (wished or job.attempt < archived.attempt)


def _fits(job: Job, state: JobState | None, kind: str | None, label: str | None) -> bool:
    if state is not None and job.state is not state:
        return False
    if kind is not None and job.kind != kind:
        return False
    if label is None:
        return True
    key, separator, value = label.partition("=")
    return key in job.labels and (not separator or job.labels[key] == value)
