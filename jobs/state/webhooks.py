"""Webhook endpoints: whom each tenant wants to be told of the ends of jobs.

Objects below ``tenants/{tenant}/webhooks/{endpoint}/``; each has one writer, so that no write is lost:

=====================  ===============================================================
``endpoint.json``      where, what and by which secrets; written by the tenant's calls
``health.json``        since when it fails, why it was switched off; by the courier
``deliveries/…``       what was sent there: `jobs.state.deliveries`
=====================  ===============================================================
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from jobs.contract.errors import WebhookConflictError
from jobs.contract.receivers import Receiver, receiver
from jobs.contract.spec import Json, canonical_json
from jobs.contract.webhooks import JOB_EVENTS, new_secret
from jobs.state.documents import UnreadableDocumentError, making_sense_of, read_document
from jobs.state.objects import ObjectStore
from jobs.state.records import Job, format_time, new_id, parse_time, utc_now
from jobs.state.versions import readable, schema_of

ENDPOINTS_MAX = 20
"""Of one tenant: the end of a job looks at each."""
OVERLAP = timedelta(hours=24)
"""How long a secret that was replaced still signs, beside the new one."""
SECRETS_MAX = 3
ENDPOINT_ID = r"wh_[0-9A-HJKMNP-TV-Z]{26}"
log = logging.getLogger("modelpress.webhooks")


@dataclass(frozen=True, slots=True)
class Secret:
    """What signs; until *until* where another has replaced it."""

    value: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Somebody who is told.

    Attributes:
        events: of every job; one that is named by a job hears of its end whatever they are.
        enabled: as the tenant wants it.
        secrets: newest first.
        failing_since: when the first of the deliveries failed after which none has succeeded.
        switched_off: why nothing is sent any more, in words; None while it is.
    """

    id: str
    tenant: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    enabled: bool = True
    description: str = ""
    secrets: tuple[Secret, ...] = ()
    failing_since: datetime | None = None
    switched_off: str | None = None

    @property
    def active(self) -> bool:
        """Return whether anything is sent there."""
        return self.enabled and self.switched_off is None

    def hears(self, job: Job) -> bool:
        """Return whether it is told of the end of *job*."""
        return self.active and (JOB_EVENTS[job.state] in self.events or job.request.get("webhook") == self.id)

    def signing(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that sign at *now*."""
        return tuple(each.value for each in self.secrets if each.until is None or now < each.until)

    def to_resource(self) -> Json:
        """Return the endpoint as its tenant sees it: without secrets."""
        return {
            "id": self.id,
            "url": self.url,
            "events": list(self.events),
            "enabled": self.active,
            "description": self.description,
            "created_at": format_time(self.created_at),
            "failing_since": format_time(self.failing_since),
            "switched_off": self.switched_off,
        }


class Webhooks:
    """Keeps the endpoints of all tenants; whatever belongs to another tenant is not there.

    Args:
        store: the bucket.
        trusted: hosts that may be private or speak http, for development.
        clock: tells the time.
    """

    def __init__(
        self, store: ObjectStore, *, trusted: tuple[str, ...] = (), clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._trusted = trusted
        self._clock = clock

    def create(self, tenant: str, document: Mapping[str, Any]) -> Endpoint:
        """Return a new endpoint of *document* ``{url, events?, description?, enabled?}``, with its secret.

        Raises:
            ReceiverRefusedError: webhooks are not sent there.
            WebhookConflictError: the tenant has too many.
        """
        self.receiver(document["url"])
        if len(self.of(tenant)) >= ENDPOINTS_MAX:
            raise WebhookConflictError(f"Expected at most {ENDPOINTS_MAX} webhook endpoints; delete one first.")
        endpoint = Endpoint(
            id=new_id("wh"),
            tenant=tenant,
            url=document["url"],
            events=tuple(document.get("events", JOB_EVENTS.values())),
            created_at=self._clock(),
            enabled=document.get("enabled", True),
            description=document.get("description", ""),
            secrets=(Secret(new_secret()),),
        )
        self._write(endpoint)
        return endpoint

    def of(self, tenant: str) -> list[Endpoint]:
        """Return the tenant's endpoints, oldest first, but for those that nobody can read."""
        found = (self._readable(tenant, name) for name in self._store.folders(f"tenants/{tenant}/webhooks/"))
        return [each for each in found if each is not None]

    def show(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        """Return the tenant's endpoint, or None."""
        if not re.fullmatch(ENDPOINT_ID, endpoint_id):
            return None
        document = self._read(webhook_prefix(tenant, endpoint_id) + "endpoint.json")
        if document is None:
            return None
        health = self._read(webhook_prefix(tenant, endpoint_id) + "health.json") or {}
        with making_sense_of(webhook_prefix(tenant, endpoint_id)):
            return _endpoint(tenant, readable(document, "webhook"), health)

    def change(self, tenant: str, endpoint_id: str, changes: Mapping[str, Any]) -> Endpoint | None:
        """Return the tenant's endpoint with *changes* ``{url?, events?, description?, enabled?}``; None without it.

        Enabling one that was switched off gives it a new start.

        Raises:
            ReceiverRefusedError: webhooks are not sent to the new URL.
        """
        endpoint = self.show(tenant, endpoint_id)
        if endpoint is None:
            return None
        values = {**changes, "events": tuple(changes.get("events", endpoint.events))}
        if "url" in changes:
            self.receiver(changes["url"])
        endpoint = replace(endpoint, **values)
        self._write(endpoint)
        return self.recovered(endpoint) if changes.get("enabled") else endpoint

    def delete(self, tenant: str, endpoint_id: str) -> bool:
        """Remove the tenant's endpoint, so that nothing is sent there any more; return whether there was one."""
        try:
            if self.show(tenant, endpoint_id) is None:
                return False
        except UnreadableDocumentError as error:
            log.warning("An endpoint is deleted unread: %s", error)
        for name in ("endpoint.json", "health.json"):
            self._store.delete(webhook_prefix(tenant, endpoint_id) + name)
        return True

    def rotate(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        """Return the tenant's endpoint with a new secret; for ``OVERLAP`` those before it sign too."""
        endpoint = self.show(tenant, endpoint_id)
        if endpoint is None:
            return None
        now = self._clock()
        before = [
            replace(each, until=each.until or now + OVERLAP)
            for each in endpoint.secrets
            if each.until is None or now < each.until
        ]
        endpoint = replace(endpoint, secrets=(Secret(new_secret()), *before)[:SECRETS_MAX])
        self._write(endpoint)
        return endpoint

    def require(self, tenant: str, endpoint_id: str) -> None:
        """Return when a job of the tenant may name the endpoint.

        Raises:
            WebhookConflictError: the tenant has no such endpoint.
        """
        if self.show(tenant, endpoint_id) is None:
            raise WebhookConflictError(
                f"Expected the id of one of your webhook endpoints; got {endpoint_id!r}. POST /v1/webhooks makes one."
            )

    def receiver(self, url: str) -> Receiver:
        """Return where *url* leads; raises ``ReceiverRefusedError``."""
        return receiver(url, self._trusted)

    def hearing(self, job: Job) -> Iterator[Endpoint]:
        """Yield the endpoints that are told of the end of *job*."""
        return (each for each in self.of(job.tenant) if each.hears(job))

    def recovered(self, endpoint: Endpoint) -> Endpoint:
        """Note that something has arrived there, or shall be tried afresh."""
        self._store.delete(webhook_prefix(endpoint.tenant, endpoint.id) + "health.json")
        return replace(endpoint, failing_since=None, switched_off=None)

    def failing(self, endpoint: Endpoint, since: datetime, switched_off: str | None = None) -> Endpoint:
        """Note since when nothing has arrived there, and why it is *switched_off* if it is."""
        document = {"failing_since": format_time(since), "switched_off": switched_off}
        self._store.put(webhook_prefix(endpoint.tenant, endpoint.id) + "health.json", canonical_json(document))
        return replace(endpoint, failing_since=since, switched_off=switched_off)

    def _write(self, endpoint: Endpoint) -> None:
        document = {
            "schema": schema_of("webhook"),
            "id": endpoint.id,
            "url": endpoint.url,
            "events": list(endpoint.events),
            "created_at": format_time(endpoint.created_at),
            "enabled": endpoint.enabled,
            "description": endpoint.description,
            "secrets": [{"value": each.value, "until": format_time(each.until)} for each in endpoint.secrets],
        }
        self._store.put(webhook_prefix(endpoint.tenant, endpoint.id) + "endpoint.json", canonical_json(document))

    def _readable(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        try:
            return self.show(tenant, endpoint_id)
        except UnreadableDocumentError as error:
            log.warning("An endpoint is left out: %s", error)
            return None

    def _read(self, key: str) -> Json | None:
        return read_document(self._store, key)


def webhook_prefix(tenant: str, endpoint_id: str) -> str:
    """Return where everything of an endpoint is, with the closing slash."""
    return f"tenants/{tenant}/webhooks/{endpoint_id}/"


def _endpoint(tenant: str, document: Json, health: Json) -> Endpoint:
    return Endpoint(
        id=document["id"],
        tenant=tenant,
        url=document["url"],
        events=tuple(document["events"]),
        created_at=parse_time(document["created_at"]),
        enabled=document["enabled"],
        description=document["description"],
        secrets=tuple(Secret(each["value"], _moment(each["until"])) for each in document["secrets"]),
        failing_since=_moment(health.get("failing_since")),
        switched_off=health.get("switched_off"),
    )


def _moment(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
