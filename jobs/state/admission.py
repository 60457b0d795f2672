"""Whether a tenant may have one more: counted in Redis, in one step with the decision, before anything is accepted.

The counts follow the ledger. A job is counted when it is admitted and no longer when it has ended; the janitor puts
right what differs from the open markers, so that a Redis that came back empty, and a process that died in between, cost
one round. Without Redis everybody is let in: a tenant's jobs are worth more than its quota.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from redis import Redis

from jobs.contract.errors import BeyondQuotaError, QueueError, QuotaExceededError
from jobs.contract.spec import Json
from jobs.contract.state import JobKind
from jobs.landscape.points import points_of
from jobs.state.documents import UnreadableDocumentError, making_sense_of
from jobs.state.events import redis_errors
from jobs.state.objects import ObjectStore
from jobs.state.records import Job
from jobs.state.tenants import Quotas, Tenants

TENANTS = "modelpress:counted"
"""The Redis set of tenants with counted jobs."""
STORED = "modelpress:stored"
"""The Redis hash of what each tenant has stored [bytes]."""
_LOOKED = "modelpress:stored:looked"
GRACE_S = 60
"""How long an admission may precede its open marker [s]."""
LOOK_EVERY_S = 300
"""How long a figure of stored bytes is good for [s]."""
_RAISE = "Ask whoever runs this service to raise it (python -m service.tenants set)."

_ADMIT = """
local sum = 0
for _, entry in ipairs(redis.call('HVALS', KEYS[1])) do sum = sum + tonumber(string.match(entry, '^%d+')) end
if sum + tonumber(ARGV[2]) > tonumber(ARGV[3]) and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return sum end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[4])
redis.call('SADD', KEYS[2], ARGV[5])
return -1
"""
_ADMIT_BYTES = """
local stored = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if stored + tonumber(ARGV[2]) > tonumber(ARGV[3]) then return stored end
if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2]) end
return -1
"""


class Admission:
    """Lets jobs and uploads in, or says which quota stands against them.

    Args:
        store: what tenants have stored.
        redis: a client that decodes its responses.
        tenants: what they may have.
        clock: tells the time [s].
    """

    def __init__(
        self, store: ObjectStore, redis: "Redis", tenants: Tenants, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._redis = redis
        self._tenants = tenants
        self._clock = clock
        self._admit = redis.register_script(_ADMIT)
        self._admit_bytes = redis.register_script(_ADMIT_BYTES)

    def admit(self, job: Job) -> None:
        """Count *job*, which is about to be accepted.

        Raises:
            QuotaExceededError: the tenant has too many jobs just now.
            BeyondQuotaError: it may never have this, or it has stored too much.
        """
        quotas = self._tenants.quotas(job.tenant)
        _check_request(job, quotas)
        self.admit_bytes(job.tenant, 0)
        weight, most = _weight(job), quotas.open_jobs
        try:
            with redis_errors():
                args: list[str | int] = [job.id, weight, most, int(self._clock()), job.tenant]
                counted = int(self._admit(keys=[_key(job.tenant), TENANTS], args=args))
        except QueueError:
            return
        if counted >= 0:
            raise QuotaExceededError(
                f"Expected at most {most} open jobs (quota open_jobs); there are {counted}, and this would add "
                f"{weight}. Wait until some have ended, or cancel them. {_RAISE}"
            )

    def admit_bytes(self, tenant: str, announced: int) -> None:
        """Count *announced* bytes, which are about to be uploaded.

        Raises:
            BeyondQuotaError: with them, the tenant would have stored too much.
        """
        most = self._tenants.quotas(tenant).stored_bytes
        try:
            with redis_errors():
                stored = int(self._admit_bytes(keys=[STORED], args=[tenant, announced, most]))
        except QueueError:
            return
        if stored >= 0:
            raise BeyondQuotaError(
                f"Expected at most {most} stored bytes (quota stored_bytes); there are {stored}, and this would add "
                f"{announced}. {_RAISE}"
            )

    def release(self, job: Job) -> None:
        """Count *job*, which has ended, no longer."""
        with redis_errors():
            self._redis.hdel(_key(job.tenant), job.id)

    def recount(self, open_jobs: Iterable[Job], began: float) -> None:
        """Put the counts right by the open jobs that a round, which *began* then, has found."""
        true: dict[str, dict[str, str]] = defaultdict(dict)
        for job in open_jobs:
            if job.parent is None:
                with suppress(UnreadableDocumentError), making_sense_of(job.id):
                    true[job.tenant][job.id] = f"{_weight(job)} {int(began)}"
        with redis_errors():
            known: Any = self._redis.smembers(TENANTS)
            for tenant in {*true, *known}:
                self._set_right(tenant, true[tenant], began)

    def look(self) -> None:
        """Add up what one tenant has stored: the one that was looked at longest ago, if that is long enough."""
        with redis_errors():
            looked: Any = self._redis.hgetall(_LOOKED)
        tenant = min(self._store.folders("tenants/"), key=lambda each: float(looked.get(each, 0)), default=None)
        if tenant is None or self._clock() - float(looked.get(tenant, 0)) < LOOK_EVERY_S:
            return
        stored = sum(found.bytes for found in self._store.list(f"tenants/{tenant}/"))
        with redis_errors():
            self._redis.hset(STORED, tenant, str(stored))
            self._redis.hset(_LOOKED, tenant, str(self._clock()))

    def usage(self, tenant: str) -> Json:
        """Return what *tenant* has: open jobs, and stored bytes as last added up (None: not yet)."""
        with redis_errors():
            entries: Any = self._redis.hvals(_key(tenant))
            stored: Any = self._redis.hget(STORED, tenant)
        jobs = sum(int(entry.partition(" ")[0]) for entry in entries)
        return {"open_jobs": jobs, "stored_bytes": None if stored is None else int(stored)}

    def _set_right(self, tenant: str, true: dict[str, str], began: float) -> None:
        counted: Any = self._redis.hgetall(_key(tenant))
        gone = [each for each in counted.keys() - true.keys() if int(counted[each].split()[1]) < began - GRACE_S]
        missing = {each: true[each] for each in true.keys() - counted.keys()}
        with self._redis.pipeline() as pipeline:
            if gone:
                pipeline.hdel(_key(tenant), *gone)
            if missing:
                pipeline.hset(_key(tenant), mapping=missing)
                pipeline.sadd(TENANTS, tenant)
            if not true and len(gone) == len(counted):
                pipeline.srem(TENANTS, tenant)
            pipeline.execute()


def _check_request(job: Job, quotas: Quotas) -> None:
    points = len(points_of(job.request)) if job.kind == JobKind.LANDSCAPE else 0
    for count, most, what in (
        (len(job.request.get("steps") or ()), quotas.steps_per_job, "steps (quota steps_per_job)"),
        (points, quotas.points_per_landscape, "points (quota points_per_landscape)"),
        (1 + points, quotas.open_jobs, "jobs, points included (quota open_jobs)"),
    ):
        if count > most:
            raise BeyondQuotaError(f"Expected at most {most} {what}; got {count}. Ask for less. {_RAISE}")


def _weight(job: Job) -> int:
    """Return how many jobs *job* comes to."""
    return 1 + (len(points_of(job.request)) if job.kind == JobKind.LANDSCAPE else 0)


def _key(tenant: str) -> str:
    return f"modelpress:counted:{tenant}"
