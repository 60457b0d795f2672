"""Everything about the state of jobs, opened from settings in one call."""

from dataclasses import dataclass
from typing import Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.state.admission import Admission
from jobs.state.audit import AuditLog
from jobs.state.clock import SharedClock
from jobs.state.deliveries import Deliveries
from jobs.state.events import EventLog
from jobs.state.idempotency import Idempotency
from jobs.state.keys import Keys
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.patience import WORKING, Patience
from jobs.state.queue import JobQueue
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store
from jobs.state.tenants import Quotas, Tenants
from jobs.state.uploads import Uploads
from jobs.state.webhooks import Webhooks

_CHECK_EVERY_S = 30


@dataclass(frozen=True, slots=True)
class State:
    """The parts of the state. A process that forks opens its own after the fork."""

    store: S3Store
    redis: "Redis"
    clock: SharedClock
    ledger: Ledger
    landscapes: Landscapes
    events: EventLog
    queue: JobQueue
    uploads: Uploads
    keys: Keys
    tenants: Tenants
    admission: Admission
    audit: AuditLog
    idempotency: Idempotency
    webhooks: Webhooks
    deliveries: Deliveries

    @classmethod
    def open(cls, settings: StateSettings, patience: Patience = WORKING) -> Self:
        """Return the state that *settings* name, asked with *patience*; nothing is contacted yet."""
        store, redis = S3Store.from_settings(settings, patience), redis_client(settings, patience)
        webhooks = Webhooks(store, trusted=settings.webhook_hosts)
        deliveries = Deliveries(store, webhooks)
        tenants = Tenants(store, redis, Quotas.from_settings(settings))
        admission = Admission(store, redis, tenants)
        ended = (deliveries.announce, admission.release)
        clock = SharedClock(redis_client(settings, patience, once=True))
        ledger = Ledger(
            store,
            redis,
            lease_s=settings.lease_s,
            max_attempts=settings.max_attempts,
            retention_s=settings.retention_s,
            clock=clock,
            ended=ended,
        )
        queue = JobQueue(
            redis_client(settings, patience, decode=False), lambda tenant: tenants.quotas(tenant).running_jobs
        )
        return cls(
            store=store,
            redis=redis,
            clock=clock,
            ledger=ledger,
            landscapes=Landscapes(store, ledger, queue),
            events=EventLog(redis),
            queue=queue,
            uploads=Uploads(store, presign_s=settings.presign_s),
            keys=Keys(store, redis),
            tenants=tenants,
            admission=admission,
            audit=AuditLog(store, redis),
            idempotency=Idempotency(store, redis, kept_s=settings.idempotency_s),
            webhooks=webhooks,
            deliveries=deliveries,
        )


def redis_client(
    settings: StateSettings, patience: Patience = WORKING, *, decode: bool = True, once: bool = False
) -> "Redis":
    """Return a client for Redis; RQ needs one that does not *decode* its responses; *once*: one that never repeats."""
    retrying = {"retry": Retry(NoBackoff(), 0)} if once else {}
    return Redis.from_url(
        settings.redis_url,
        decode_responses=decode,
        socket_timeout=patience.redis_s,
        socket_connect_timeout=patience.redis_s,
        health_check_interval=_CHECK_EVERY_S,
        **retrying,
    )
