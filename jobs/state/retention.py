"""What may go: jobs whose time is over, and whatever nobody refers to any more.

Safe beside jobs under way, in any number of processes. Of a job without an outcome nothing is touched that was ever
accepted; of one that has ended only what its outcome does not point to, and all of it once its time is over. Readers
have stopped looking at such a job before (``Job.gone``), so that nobody meets half of it; a tombstone
``tenants/{tenant}/gone/{job}`` tells for a while that there was one.

What nobody can read is left as it is, and told of in the log.

Complete uploads are kept as long as results are, and as long as a job is that names them.

Cost: one listing of the bucket, and one small read for each job that has ended; another for each job of a tenant that
has uploads of that age.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, partial
from itertools import groupby

from redis import Redis
from ulid import ULID

from jobs.contract.spec import Json
from jobs.state import records
from jobs.state.archive import job_prefix
from jobs.state.documents import UnreadableDocumentError, making_sense_of
from jobs.state.objects import ObjectInfo, ObjectStore
from jobs.state.reading import LedgerReader
from jobs.state.uploads import Uploads
from jobs.state.versions import NewerDocumentError, readable

GRACE = timedelta(hours=2)
"""After a job's time is over: clocks differ, and presigned URLs and downloads under way outlast a request."""
ORPHANED_AFTER = timedelta(days=1)
"""Younger things that nobody refers to may be on their way in."""
OPEN_UPLOADS = timedelta(days=7)
"""How long an upload may take to be completed."""
CALIBRATIONS = timedelta(days=30)
"""How long measurements are kept that no job has added to."""
TOMBSTONES = timedelta(days=90)
"""How long it is remembered that there was a job."""
UPLOAD = re.compile(r"upload://(upl_[0-9A-Z]{26})")
log = logging.getLogger("modelpress.retention")


class Reason(StrEnum):
    """Why an object may go."""

    EXPIRED = "expired jobs"
    ATTEMPT = "attempts without a result"
    CHECKPOINT = "checkpoints of ended jobs"
    IDEMPOTENCY = "expired idempotency records"
    UPLOAD = "uploads never completed"
    UNUSED = "old uploads that no job names"
    CALIBRATION = "old calibrations"
    POINT = "points of jobs that are gone"
    TOMBSTONE = "old tombstones"
    ORPHAN = "orphans"


@dataclass(frozen=True, slots=True)
class Finding:
    """An object that may go, and why."""

    reason: Reason
    info: ObjectInfo


class Retention(LedgerReader):
    """Finds what may go, and deletes it.

    Args:
        store: the bucket of the archive.
        redis: a client that decodes its responses.
        uploads_s: how long complete uploads are kept that no job names [s]; 0: for ever.
        clock: tells the time.
    """

    def __init__(
        self,
        store: ObjectStore,
        redis: "Redis",
        *,
        uploads_s: int = 0,
        clock: Callable[[], datetime] = records.utc_now,
    ) -> None:
        super().__init__(store, redis, clock=clock)
        self._store = store
        self._uploads = Uploads(store)
        self._kept = timedelta(seconds=uploads_s)

    def collect(self, *, delete: bool) -> Iterator[Finding]:
        """Yield what may go, and where *delete* says so, let it go."""
        for tenant in list(self._store.folders("tenants/")):
            yield from self._jobs(tenant, delete=delete)
            for found in self._others(tenant):
                if delete:
                    self._let_go(tenant, found)
                yield found

    def _let_go(self, tenant: str, found: Finding) -> None:
        """Delete what was found; of an upload, with its record, the parts that no listing shows."""
        folder, _, name = found.info.key.rpartition("/")
        if found.reason is Reason.UPLOAD and name == "upload.json":
            self._uploads.abort(tenant, folder.rpartition("/")[2])
        self._store.delete(found.info.key)

    def _jobs(self, tenant: str, *, delete: bool) -> Iterator[Finding]:
        base = f"tenants/{tenant}/jobs/"
        for job_id, objects in _grouped(self._store, base):
            found = self._judged(base + job_id, partial(self._of_job, tenant, job_id, objects))
            if delete and found:
                self._delete(tenant, job_id, found)
            yield from found

    def _of_job(self, tenant: str, job_id: str, objects: Sequence[ObjectInfo]) -> list[Finding]:
        """Return which of a job's *objects* may go. The order of the questions matters: markers go after outcomes."""
        if self._archive.is_open(job_id):
            return []
        outcome = self._archive.outcome(tenant, job_id)
        if self._archive.is_gone(tenant, job_id) or (outcome and self._is_over(tenant, job_id, outcome)):
            return [Finding(Reason.EXPIRED, info) for info in objects]
        if outcome is None:
            return [Finding(Reason.ORPHAN, info) for info in objects] if self._is_stale(job_id, objects) else []
        return list(_unneeded(job_prefix(tenant, job_id), outcome, objects))

    def _is_over(self, tenant: str, job_id: str, outcome: Json) -> bool:
        """Return whether the job's time is over; a point of a landscape lasts as long as that."""
        said = outcome.get("expires_at")
        if not said or self._clock() < records.parse_time(said) + GRACE:
            return False
        request = self._archive.request(tenant, job_id)
        parent = request["parent"] if request else None
        return parent is None or self.show(tenant, parent) is None

    def _delete(self, tenant: str, job_id: str, found: Sequence[Finding]) -> None:
        """Delete what was found of a job; if that is all of it, a tombstone comes first, and the outcome goes next."""
        outcome = f"{job_prefix(tenant, job_id)}outcome.json"
        if found[0].reason is Reason.EXPIRED:
            self._archive.bury(tenant, job_id)
            self._memory.bury(tenant, job_id)
        for each in sorted(found, key=lambda each: each.info.key != outcome):
            self._store.delete(each.info.key)
        if found[0].reason in {Reason.EXPIRED, Reason.ORPHAN}:
            self._memory.bury(tenant, job_id)  # somebody may have read it meanwhile

    def _others(self, tenant: str) -> Iterator[Finding]:
        base, named = f"tenants/{tenant}/", cache(partial(self._named, tenant))
        for info in self._older(f"{base}idempotency/", ORPHANED_AFTER):
            yield from self._judged(info.key, partial(self._of_idempotency, info))
        for upload_id, objects in _grouped(self._store, f"{base}uploads/"):
            record_key = f"{base}uploads/{upload_id}/upload.json"
            yield from self._judged(record_key, partial(self._of_upload, record_key, objects, named))
        for _, objects in _grouped(self._store, f"{base}calibrations/"):
            if all(self._is_older(info, CALIBRATIONS) for info in objects):
                yield from (Finding(Reason.CALIBRATION, info) for info in objects)
        for info in self._older(f"{base}points/", ORPHANED_AFTER):
            yield from self._judged(info.key, partial(self._of_point, tenant, info))
        for info in self._older(f"{base}gone/", TOMBSTONES):
            yield Finding(Reason.TOMBSTONE, info)

    def _of_upload(
        self, record_key: str, objects: Sequence[ObjectInfo], named: Callable[[], frozenset[str]]
    ) -> Iterator[Finding]:
        """Yield the objects of an upload that will not be completed or is not needed any more, its record first."""
        record, upload_id = self._archive.document(record_key), record_key.split("/")[-2]
        if record is None:
            reason = Reason.ORPHAN if self._is_stale(upload_id, objects) else None
        elif readable(record, "upload")["state"] == "open":
            over = self._clock() >= records.parse_time(record["created_at"]) + OPEN_UPLOADS
            reason = Reason.UPLOAD if over else None
        else:
            old = self._kept and all(self._is_older(info, self._kept) for info in objects)
            reason = Reason.UNUSED if old and upload_id not in named() else None
        for info in sorted(objects, key=lambda info: info.key != record_key):
            if reason is not None:
                yield Finding(reason, info)

    def _named(self, tenant: str) -> frozenset[str]:
        """Return the uploads that the tenant's jobs name."""
        requests = (self._archive.request(tenant, job_id) for job_id in list(self._archive.job_ids(tenant)))
        return frozenset(each for request in requests if request for each in UPLOAD.findall(json.dumps(request)))

    def _of_idempotency(self, info: ObjectInfo) -> Iterator[Finding]:
        record = self._archive.document(info.key)
        if record is not None and self._clock() >= records.parse_time(record["expires_at"]) + GRACE:
            yield Finding(Reason.IDEMPOTENCY, info)

    def _of_point(self, tenant: str, info: ObjectInfo) -> Iterator[Finding]:
        entry = self._archive.document(info.key)
        if entry is not None and self.show(tenant, entry["job"]) is None:
            yield Finding(Reason.POINT, info)

    def _judged(self, key: str, judge: Callable[[], Iterable[Finding]]) -> list[Finding]:
        """Return what *judge* finds; nothing where it meets with what this release cannot read."""
        try:
            with making_sense_of(key):
                return list(judge())
        except (UnreadableDocumentError, NewerDocumentError) as error:
            log.warning("%s is left for the next time: %s", key, error)
            return []

    def _is_stale(self, identifier: str, objects: Iterable[ObjectInfo]) -> bool:
        """Return whether what this id names was made, and last written, long enough ago to have come in by now.

        Both: a request that is sent again makes under an old id what did not come in before.
        """
        if not all(self._is_older(info, ORPHANED_AFTER) for info in objects):
            return False
        try:
            made = ULID.from_str(identifier.partition("_")[2]).datetime
        except ValueError:
            return True
        return self._clock() >= made + ORPHANED_AFTER

    def _older(self, prefix: str, age: timedelta) -> Iterator[ObjectInfo]:
        return (info for info in list(self._store.list(prefix)) if self._is_older(info, age))

    def _is_older(self, info: ObjectInfo, age: timedelta) -> bool:
        """Return whether the object was last written so long ago; one of unknown age is new."""
        return info.modified is not None and self._clock() >= info.modified + age


def _grouped(store: ObjectStore, prefix: str) -> Iterator[tuple[str, list[ObjectInfo]]]:
    """Yield the folders below *prefix*, each with all its objects."""
    for name, objects in groupby(store.list(prefix), lambda info: info.key.removeprefix(prefix).partition("/")[0]):
        yield name, list(objects)


def _unneeded(prefix: str, outcome: Json, objects: Sequence[ObjectInfo]) -> Iterator[Finding]:
    """Yield what the attempts of a job that has ended wrote, but for their claims and what the outcome points to."""
    kept = f"{prefix}attempts/{outcome['attempt']}/" if outcome["manifest"] else None
    for info in objects:
        attempt, _, name = info.key.removeprefix(f"{prefix}attempts/").partition("/")
        if not attempt.isdecimal() or name == "claim":
            continue
        if name.startswith("checkpoints/"):
            yield Finding(Reason.CHECKPOINT, info)
        elif kept is None or not info.key.startswith(kept):
            yield Finding(Reason.ATTEMPT, info)
