"""Deliveries of webhooks: what is to be sent, when, and what came of it.

A delivery is an object below its endpoint, ``deliveries/{newest first}-{id}.json``, written by the courier alone once
it exists. What is due is found by markers whose names sort by time::

    outbox/{milliseconds}.{tenant}.{endpoint}.{delivery}

The delivery decides, the marker only reminds: one that says too little (a crash between two writes) is put right by
whoever takes it, so nothing is lost; at most something is sent again, under the same id.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

from ulid import ULID

from jobs.contract.spec import Json, canonical_json
from jobs.contract.webhooks import JOB_EVENTS, EventType
from jobs.state.documents import UnreadableDocumentError, making_sense_of, read_document
from jobs.state.objects import ObjectStore
from jobs.state.outbox import AGAIN, DELIVERY_ID, OUTBOX, Due, marker, milliseconds, read_marker
from jobs.state.records import Job, format_time, new_token, parse_time
from jobs.state.versions import NewerDocumentError, readable, schema_of
from jobs.state.webhooks import Endpoint, Webhooks, webhook_prefix

KEPT = timedelta(days=30)
"""How long the log remembers a delivery."""
ATTEMPTS_KEPT = 30
_TIMESTAMP_BYTES = 6
_TOP_MS = 10**13 - 1
"""The latest time that is written with 13 digits of milliseconds."""
log = logging.getLogger("modelpress.deliveries")


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt: when, what was answered, what went wrong, and how long it took."""

    at: str
    status: int | None
    error: str | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one endpoint.

    Attributes:
        id: the same over every attempt: what receivers know repetitions by.
        body: what is sent.
        state: pending until it has arrived or was given up.
        tries: how often it was tried since it last became pending.
        due: when it is tried next; None where it is not.
        attempts: the last ones, oldest first.
    """

    id: str
    tenant: str
    endpoint: str
    body: Json
    created_at: datetime
    state: Literal["pending", "delivered", "failed"] = "pending"
    tries: int = 0
    due: datetime | None = None
    attempts: tuple[Tried, ...] = ()

    def to_resource(self) -> Json:
        """Return the delivery as its tenant sees it."""
        return {
            "id": self.id,
            "endpoint": self.endpoint,
            "type": self.body["type"],
            "job": self.body["data"].get("id"),
            "state": self.state,
            "created_at": format_time(self.created_at),
            "next_attempt_at": format_time(self.due),
            "attempts": [asdict(each) for each in self.attempts],
        }

    def tried(self, attempt: Tried) -> "Delivery":
        """Return the delivery after one more *attempt*."""
        return replace(self, tries=self.tries + 1, attempts=(*self.attempts, attempt)[-ATTEMPTS_KEPT:])


class Deliveries:
    """Keeps what is to be sent and the log of it.

    Args:
        store: the bucket.
        webhooks: the endpoints.
    """

    def __init__(self, store: ObjectStore, webhooks: Webhooks) -> None:
        self._store = store
        self._webhooks = webhooks

    def announce(self, job: Job) -> None:
        """Have everybody told who wants to hear of the end of *job*; as often as it is called, once each."""
        for endpoint in self._webhooks.hearing(job):
            moment = job.ended_at or job.created_at
            name = _named(moment, f"{job.id} {job.state} {endpoint.id}")
            self._add(endpoint, name, moment, JOB_EVENTS[job.state], _about(job))

    def test(self, endpoint: Endpoint, now: datetime) -> Delivery:
        """Return the delivery of a message that says nothing, to be sent at once."""
        data = {"endpoint": endpoint.id, "message": "Webhooks of this service arrive here."}
        return self._add(endpoint, _named(now, new_token()), now, EventType.TEST, data)

    def again(self, delivery: Delivery, now: datetime) -> None:
        """Have *delivery* sent once more, whatever came of it."""
        self._store.put(_marker(delivery, now) + AGAIN, b"")

    def show(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery to the tenant's endpoint, or None."""
        key = _key(tenant, endpoint_id, delivery_id)
        document = read_document(self._store, key)
        if document is None:
            return None
        with making_sense_of(key):
            return _delivery(tenant, endpoint_id, readable(document, "delivery"))

    def page(
        self, tenant: str, endpoint_id: str, *, cursor: str = "", limit: int = 20
    ) -> tuple[list[Delivery], str | None]:
        """Return up to *limit* deliveries to an endpoint, newest first, and the cursor of the next ones."""
        log = _log(tenant, endpoint_id)
        after = _key(tenant, endpoint_id, cursor) if cursor else log
        keys = (found.key for found in self._store.list(log) if found.key > after)
        named = ("msg_" + key.rpartition("-msg_")[2].removesuffix(".json") for key in keys)
        names = [*islice((name for name in named if re.fullmatch(DELIVERY_ID, name)), limit + 1)]
        shown = (self._readable(tenant, endpoint_id, name) for name in names[:limit])
        return [each for each in shown if each], names[limit - 1] if len(names) > limit else None

    def due(self, now: datetime) -> Iterator[Due]:
        """Yield what is due at *now*, the longest due first."""
        for found in self._store.list(OUTBOX):
            reminder = read_marker(found.key)
            if reminder is not None and reminder.at > now:
                return
            if reminder is not None:
                yield reminder

    def take(self, due: Due) -> Delivery | None:
        """Return the delivery that is to be tried for the marker; None, with the marker put right, where none is."""
        delivery = self._readable(due.tenant, due.endpoint, due.delivery)
        if delivery is not None and due.again:
            return delivery if delivery.state == "pending" else replace(delivery, state="pending", tries=0)
        if delivery is not None and delivery.state == "pending" and (delivery.due or due.at) <= due.at:
            return delivery
        if delivery is not None:
            self._remind(delivery)
        self._store.delete(due.key)
        return None

    def put_back(self, due: Due, delivery: Delivery) -> None:
        """Write down what has come of *delivery*, which was taken for *due*, and when it is due again."""
        self._write(delivery)
        self._remind(delivery)
        if delivery.due is None or due.key != _marker(delivery, delivery.due):
            self._store.delete(due.key)

    def tidy(self, now: datetime) -> int:
        """Remove from every log what is older than ``KEPT``, and those of endpoints that are gone; return how much."""
        removed = 0
        for tenant in self._store.folders("tenants/"):
            for name in self._store.folders(f"tenants/{tenant}/webhooks/"):
                removed += self._forget(_log(tenant, name), now + KEPT if self._is_gone(tenant, name) else now - KEPT)
        return removed

    def _is_gone(self, tenant: str, endpoint_id: str) -> bool:
        try:
            return self._webhooks.show(tenant, endpoint_id) is None
        except (UnreadableDocumentError, NewerDocumentError):
            return False

    def _forget(self, log: str, before: datetime) -> int:
        oldest = log + _rank(milliseconds(before))
        old = [found.key for found in self._store.list(log) if found.key > oldest]
        for key in old:
            self._store.delete(key)
        return len(old)

    def _add(
        self, endpoint: Endpoint, name: str, moment: datetime, event: EventType, data: Mapping[str, Any]
    ) -> Delivery:
        body = {"type": event.value, "timestamp": format_time(moment), "data": dict(data)}
        delivery = Delivery(name, endpoint.tenant, endpoint.id, body, moment, due=moment)
        if self._store.put_if_absent(_key(endpoint.tenant, endpoint.id, name), _document(delivery)):
            self._remind(delivery)
        elif known := self._readable(endpoint.tenant, endpoint.id, name):
            self._remind(known)
        else:
            self._write(delivery)  # over what nobody can read
            self._remind(delivery)
        return delivery

    def _readable(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery | None:
        try:
            return self.show(tenant, endpoint_id, delivery_id)
        except UnreadableDocumentError as error:
            log.warning("A delivery is left out: %s", error)
            return None

    def _write(self, delivery: Delivery) -> None:
        self._store.put(_key(delivery.tenant, delivery.endpoint, delivery.id), _document(delivery))

    def _remind(self, delivery: Delivery) -> None:
        """Put a marker where *delivery* waits."""
        if delivery.state == "pending" and delivery.due is not None:
            self._store.put(_marker(delivery, delivery.due), b"")


def _about(job: Job) -> Json:
    """Return what is told of a job that has ended: no words of errors, which may say much."""
    error = job.error and {name: job.error.get(name) for name in ("code", "stage", "retryable", "attempt")}
    resource = job.to_resource()
    told = ("id", "kind", "state", "attempt", "created_at", "started_at", "ended_at", "parent", "retry_of", "labels")
    return {name: resource[name] for name in told} | {"error": error, "links": resource["links"]}


def _named(moment: datetime, about: str) -> str:
    """Return the id of the message *about* something that happened at *moment*: the same, whoever makes it."""
    made = milliseconds(moment).to_bytes(_TIMESTAMP_BYTES, "big")
    rest = hashlib.sha256(about.encode()).digest()[: 16 - _TIMESTAMP_BYTES]
    return f"msg_{ULID.from_bytes(made + rest)}"


def _log(tenant: str, endpoint_id: str) -> str:
    return f"{webhook_prefix(tenant, endpoint_id)}deliveries/"


def _rank(moment_ms: int) -> str:
    """Return digits that sort later times first."""
    return f"{_TOP_MS - moment_ms:013d}"


def _marker(delivery: Delivery, at: datetime) -> str:
    return marker(at, delivery.tenant, delivery.endpoint, delivery.id)


def _key(tenant: str, endpoint_id: str, delivery_id: str) -> str:
    made = ULID.from_str(delivery_id.removeprefix("msg_")).milliseconds
    return f"{_log(tenant, endpoint_id)}{_rank(made)}-{delivery_id}.json"


def _document(delivery: Delivery) -> bytes:
    values = {
        "schema": schema_of("delivery"),
        "id": delivery.id,
        "body": delivery.body,
        "created_at": format_time(delivery.created_at),
        "state": delivery.state,
        "tries": delivery.tries,
        "due": format_time(delivery.due),
        "attempts": [asdict(each) for each in delivery.attempts],
    }
    return canonical_json(values)


def _delivery(tenant: str, endpoint_id: str, document: Json) -> Delivery:
    return Delivery(
        id=document["id"],
        tenant=tenant,
        endpoint=endpoint_id,
        body=document["body"],
        created_at=parse_time(document["created_at"]),
        state=document["state"],
        tries=document["tries"],
        due=parse_time(document["due"]) if document["due"] else None,
        attempts=tuple(Tried(**each) for each in document["attempts"]),
    )
