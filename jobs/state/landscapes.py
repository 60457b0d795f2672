"""What becomes of a landscape's points: each is a job of its own, accepted once however often it is looked at.

A landscape holds no worker while its points run. Whoever comes by, a worker that ends a point, one that finds the
landscape on the queue or the janitor on its round, brings it forward by ``advance``; what they find is in the store:

============================================  ========================================================================
``tenants/{t}/jobs/{landscape}/points.json``  create-only: which job may stand in for which request, by its hash
``tenants/{t}/points/{hash}``                 the job that last took up this very request, for landscapes that follow
============================================  ========================================================================
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from ulid import ULID

from jobs.contract.errors import QueueError, StorageError
from jobs.contract.spec import Json, canonical_json
from jobs.contract.state import JobKind, JobState
from jobs.landscape.assemble import assemble
from jobs.landscape.outcome import PointOutcome
from jobs.landscape.points import Point, points_of
from jobs.state.archive import job_prefix
from jobs.state.documents import UnreadableDocumentError, read_document
from jobs.state.ledger import Ledger
from jobs.state.objects import ObjectStore
from jobs.state.queue import JobQueue
from jobs.state.records import Job

REPORTS_KEPT = 256
"""Reports of points that a process keeps at hand: an unfinished landscape is looked at again and again."""
CANCEL_FOR_S = 2.0
"""How long somebody who cancels a landscape waits for its points [s]."""
_TIMESTAMP_BYTES = 6
log = logging.getLogger("modelpress.landscapes")


class ReportGoneError(LookupError):
    """A job has succeeded, but what it published is no longer there."""


@dataclass(frozen=True, slots=True)
class Work:
    """A point and the job that does it.

    Attributes:
        point: what is asked for.
        job: None where none has been accepted yet.
        reused: whether another landscape had asked for it.
    """

    point: Point
    job: Job | None
    reused: bool

    @property
    def ended(self) -> bool:
        """Return whether nothing more will come of it."""
        return self.job is not None and self.job.state.terminal


class Landscapes:
    """Brings landscapes forward and says how far they are.

    Args:
        store: the bucket of the ledger's archive.
        ledger: the jobs.
        queue: where points wait for a worker.
    """

    def __init__(self, store: ObjectStore, ledger: Ledger, queue: JobQueue) -> None:
        self._store = store
        self._ledger = ledger
        self._queue = queue
        self._report = lru_cache(REPORTS_KEPT)(self._published)

    def advance(self, landscape: Job) -> bool:
        """Accept what points are missing and note how many have ended; return whether all have.

        The points of a landscape that is not to go on are cancelled.

        Raises:
            NewerDocumentError: a newer release accepted the landscape.
        """
        landscape.understood()
        if landscape.state.terminal or landscape.state is JobState.CANCELLING:
            self.cancel_points(landscape)
            return False
        if landscape.attempt:
            return True
        works = [self._taken_up(landscape, each) for each in self._works(landscape, self._roster(landscape))]
        ended = sum(work.ended for work in works)
        if not self._ledger.count_points(landscape, ended, len(works)):
            self._look_again(landscape)
            return False
        return ended == len(works)

    def point_ended(self, point: Job) -> None:
        """Bring the landscape forward that *point*, which has just ended, belongs to, if any."""
        landscape = self._ledger.show(point.tenant, point.parent) if point.parent else None
        if landscape is not None and not landscape.state.terminal and self.advance(landscape):
            self._enqueue(landscape)

    def cancel_points(self, landscape: Job, *, for_s: float = CANCEL_FOR_S) -> None:
        """Ask for the end of what was accepted for *landscape* and still goes on.

        After *for_s* seconds the rest is left to the janitor, to whom points of a landscape that has ended are strays.
        """
        until = time.monotonic() + for_s
        for work in self._works(landscape, self._written_roster(landscape) or {}):
            if time.monotonic() >= until:
                return
            if work.job is not None and work.job.parent == landscape.id and not work.job.state.terminal:
                self._ledger.request_cancel(landscape.tenant, work.job.id)

    def is_stray(self, job: Job) -> bool:
        """Return whether *job* is a point of a landscape that is not to go on."""
        try:
            landscape = self._ledger.show(job.tenant, job.parent) if job.parent else None
        except UnreadableDocumentError:
            return False  # nobody can say: what was accepted is done
        return landscape is not None and (landscape.state.terminal or landscape.state is JobState.CANCELLING)

    def outcomes(self, landscape: Job) -> list[PointOutcome]:
        """Return what has come of each point so far, in the order in which they were asked for."""
        return [self._outcome(work) for work in self._works(landscape, self._written_roster(landscape) or {})]

    def report(self, landscape: Job) -> Json:
        """Return what has come of the points so far, compared."""
        return assemble(self.outcomes(landscape)).to_json()

    def _outcome(self, work: Work) -> PointOutcome:
        point, job = work.point, work.job
        if job is None:
            return PointOutcome(point.name, point.series, None, JobState.QUEUED)
        outcome = partial(PointOutcome, point.name, point.series, job.id, job.state, work.reused)
        if job.state is not JobState.SUCCEEDED:
            return outcome(error=job.error)
        try:
            return outcome(report=self._report(job.tenant, job.id))
        except ReportGoneError as gone:
            return outcome(error={"code": StorageError.code, "message": str(gone)})

    def _published(self, tenant: str, job_id: str) -> Json:
        """Return the report of a job that succeeded, which never changes.

        Raises:
            ReportGoneError: somebody has deleted it.
        """
        report = self._ledger.report(tenant, job_id)
        if report is None:
            raise ReportGoneError(f"The report of {job_id} is gone from the store; ask again with reuse: false.")
        return report

    def _works(self, landscape: Job, roster: Mapping[str, str | None]) -> Iterator[Work]:
        """Yield each point with its job: one of another landscape that may stand in, unless it came to nothing."""
        for point in points_of(landscape.request):
            other = self._other(landscape, roster.get(point.key))
            if other is not None and (not other.state.terminal or other.state is JobState.SUCCEEDED):
                yield Work(point, other, reused=True)
            else:
                yield Work(point, self._show(landscape, _own_id(landscape, point)), reused=False)

    def _show(self, landscape: Job, job_id: str | None) -> Job | None:
        return self._ledger.show(landscape.tenant, job_id) if job_id else None

    def _other(self, landscape: Job, job_id: str | None) -> Job | None:
        """Return the job that may stand in for a point, unless nobody can read it."""
        try:
            return self._show(landscape, job_id)
        except UnreadableDocumentError as error:
            log.warning("%s cannot stand in for a point: %s", job_id, error)
            return None

    def _taken_up(self, landscape: Job, work: Work) -> Work:
        """Return *work*, accepted and announced where it was not."""
        if work.job is not None:
            return work
        job = self._ledger.accept(
            landscape.tenant,
            JobKind.COMPRESSION,
            work.point.request,
            labels=landscape.labels,
            parent=landscape.id,
            job_id=_own_id(landscape, work.point),
            traceparent=landscape.traceparent,
        )
        self._store.put(_index_key(landscape, work.point.key), canonical_json({"job": job.id}))
        self._enqueue(job)
        return Work(work.point, job, reused=False)

    def _enqueue(self, job: Job) -> None:
        try:
            self._queue.enqueue(job)
        except QueueError:
            return  # the janitor does it

    def _look_again(self, landscape: Job) -> None:
        """Cancel the points if it is that which kept *landscape* from going on."""
        now = self._ledger.show(landscape.tenant, landscape.id)
        if now is not None and (now.state.terminal or now.state is JobState.CANCELLING):
            self.cancel_points(now)

    def _roster(self, landscape: Job) -> Mapping[str, str | None]:
        """Return which jobs may stand in for points, decided once by whoever comes first."""
        written = self._written_roster(landscape)
        if written is not None:
            return written
        reuse = landscape.request.get("reuse", True)
        keys = [point.key for point in points_of(landscape.request)]
        found = {key: self._indexed(landscape, key) if reuse else None for key in keys}
        self._store.put_if_absent(_roster_key(landscape), canonical_json(found))
        return self._written_roster(landscape) or found

    def _written_roster(self, landscape: Job) -> dict[str, str | None] | None:
        return self._read(_roster_key(landscape))

    def _indexed(self, landscape: Job, key: str) -> str | None:
        job_id = (self._read(_index_key(landscape, key)) or {}).get("job")
        return job_id if isinstance(job_id, str) else None

    def _read(self, key: str) -> Json | None:
        """Return the document at *key*; what nobody can read says nothing, which costs no more than work done again."""
        try:
            return read_document(self._store, key)
        except UnreadableDocumentError as error:
            log.warning("Goes on without: %s", error)
            return {}


def _own_id(landscape: Job, point: Point) -> str:
    """Return the id of the job that *landscape* itself would have accepted for *point*: the same, whoever asks."""
    made = ULID.from_str(landscape.id.removeprefix("job_")).bytes[:_TIMESTAMP_BYTES]
    rest = hashlib.sha256(f"{landscape.id} {point.key}".encode()).digest()[: 16 - _TIMESTAMP_BYTES]
    return f"job_{ULID.from_bytes(made + rest)}"


def _roster_key(landscape: Job) -> str:
    return f"{job_prefix(landscape.tenant, landscape.id)}points.json"


def _index_key(landscape: Job, key: str) -> str:
    return f"tenants/{landscape.tenant}/points/{key}"
