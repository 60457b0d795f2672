"""The ledger's lasting half: the objects of a job, from its acceptance to its one outcome.

Keys below ``tenants/{tenant}/jobs/{job}/``:

==========================  ====================================================================
``request.json``            what was accepted
``cancel``                  the caller's wish to stop
``attempts/{n}/claim``      create-only: who runs attempt *n*, and the proof
``attempts/{n}/…``          what attempt *n* wrote: ``files/…``, ``report.json``, ``manifest.json``
``granted/{n}``             attempt *n* was handed over, and does not count: one more is granted
``outcome.json``            create-only: how the job ended, and until when it is kept
==========================  ====================================================================

and ``open/{job}`` for as long as a job has no outcome. Documents say their schema (``jobs.state.versions``): what a
newer release wrote in a way that this one does not know raises ``NewerDocumentError``, wherever it is read, and what
nobody can read ``UnreadableDocumentError``.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jobs.contract.spec import Json, canonical_json
from jobs.state.documents import making_sense_of, read_document
from jobs.state.objects import ObjectStore
from jobs.state.records import Job, Lease, format_time
from jobs.state.versions import readable, schema_of

_OPEN = "open/"


class Archive:
    """Reads and writes the objects of jobs."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def accept(self, job: Job) -> None:
        """Write down the request, then the marker that makes it a promise."""
        self._store.put(job_prefix(job.tenant, job.id) + "request.json", canonical_json(job.to_request()))
        self._store.put(_OPEN + job.id, canonical_json({"tenant": job.tenant}))

    def request(self, tenant: str, job_id: str) -> Json | None:
        """Return what was accepted."""
        return self._read(job_prefix(tenant, job_id) + "request.json")

    def open_ids(self) -> Iterator[str]:
        """Yield the id of every job that may have no outcome yet."""
        for found in self._store.list(_OPEN):
            yield found.key.removeprefix(_OPEN)

    def tenants(self) -> Iterator[str]:
        """Yield every tenant that ever had anything."""
        return self._store.folders("tenants/")

    def job_ids(self, tenant: str) -> Iterator[str]:
        """Yield the id of every job that the tenant ever had."""
        return self._store.folders(f"tenants/{tenant}/jobs/")

    def tenant_of(self, job_id: str) -> str | None:
        """Return whose open job this is."""
        marker = self._read(_OPEN + job_id)
        if marker is None:
            return None
        with making_sense_of(_OPEN + job_id):
            return str(marker["tenant"])

    def is_open(self, job_id: str) -> bool:
        """Return whether the job was accepted and its end is not yet known to all."""
        return self._store.head(_OPEN + job_id) is not None

    def close(self, job_id: str) -> None:
        """Remove the marker of a job that has its outcome."""
        self._store.delete(_OPEN + job_id)

    def claim(self, lease: Lease, document: Mapping[str, Any]) -> bool:
        """Write the claim of an attempt; return whether it is ours (also when only the answer was lost)."""
        key, schema = attempt_prefix(lease) + "claim", schema_of("claim")
        if self._store.put_if_absent(key, canonical_json({"schema": schema, **document, "token": lease.token})):
            return True
        found = self._read(key)
        return found is not None and found.get("token") == lease.token

    def claims(self, tenant: str, job_id: str) -> list[Json]:
        """Return every claim, first attempt first."""
        prefix = job_prefix(tenant, job_id) + "attempts/"
        numbers = sorted(int(name) for name in self._store.folders(prefix) if name.isdecimal())
        found = [(number, self._read(f"{prefix}{number}/claim")) for number in numbers]
        return [{**readable(claim, "claim"), "attempt": number} for number, claim in found if claim is not None]

    def grant(self, job: Job) -> None:
        """Write down that the job may be tried once more, because its present attempt was handed over."""
        self._store.put(f"{job_prefix(job.tenant, job.id)}granted/{job.attempt}", b"{}")

    def granted(self, tenant: str, job_id: str) -> int:
        """Return how many more attempts than it was accepted with the job may have."""
        return sum(1 for _ in self._store.list(job_prefix(tenant, job_id) + "granted/"))

    def wish_cancelled(self, job: Job, at: datetime) -> None:
        """Write down that the caller wants the job to stop."""
        self._store.put(job_prefix(job.tenant, job.id) + "cancel", canonical_json({"at": format_time(at)}))

    def cancel_wish(self, tenant: str, job_id: str) -> Json | None:
        """Return when the caller wanted the job to stop, as ``{at}``; None if they do not."""
        return self._read(job_prefix(tenant, job_id) + "cancel")

    def end(self, job: Job, document: Mapping[str, Any]) -> bool:
        """Write the outcome; return False when the job already has one."""
        return self._store.put_if_absent(job_prefix(job.tenant, job.id) + "outcome.json", canonical_json(document))

    def outcome(self, tenant: str, job_id: str) -> Json | None:
        """Return how the job ended."""
        found = self._read(job_prefix(tenant, job_id) + "outcome.json")
        return None if found is None else readable(found, "outcome")

    def bury(self, tenant: str, job_id: str) -> None:
        """Write down that there was such a job, and is none any more."""
        self._store.put(_tombstone(tenant, job_id), b"{}")

    def is_gone(self, tenant: str, job_id: str) -> bool:
        """Return whether there was such a job, and is none any more."""
        return self._store.head(_tombstone(tenant, job_id)) is not None

    def document(self, key: str) -> Json | None:
        """Return the JSON object at *key*."""
        return self._read(key)

    def _read(self, key: str) -> Json | None:
        return read_document(self._store, key)


def job_prefix(tenant: str, job_id: str) -> str:
    """Return where everything of a job is, with the closing slash."""
    return f"tenants/{tenant}/jobs/{job_id}/"


def _tombstone(tenant: str, job_id: str) -> str:
    return f"tenants/{tenant}/gone/{job_id}"


def attempt_prefix(lease: Lease) -> str:
    """Return where an attempt writes, with the closing slash."""
    return f"{job_prefix(lease.job.tenant, lease.job.id)}attempts/{lease.attempt}/"
