"""Quotas: counted in one step with the decision, and put right by the ledger."""

import threading

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import BeyondQuotaError, InvalidRequestError, QuotaExceededError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.admission import GRACE_S, LOOK_EVERY_S, Admission
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Job
from jobs.state.tenants import Quotas, Tenants

STEP = {"technique": "head_pruning", "heads_removed": 0.5}
REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [STEP]}
LANDSCAPE = {"model": {"uri": "s3://models/tiny"}, "points": [{"steps": [STEP]}, {"steps": [{**STEP, "seed": 1}]}]}
QUOTAS = Quotas(
    open_jobs=3,
    running_jobs=0,
    stored_bytes=1000,
    steps_per_job=2,
    points_per_landscape=2,
    buckets=("models", "data-*"),
)


class House:
    """A ledger with quotas of three open jobs."""

    def __init__(self, memory: MemoryStore, redis: Redis, queue_redis: Redis, clock: Clock) -> None:
        self.store, self.redis, self.clock = memory, redis, clock
        self.tenants = Tenants(memory, redis, QUOTAS)
        self.admission = Admission(memory, redis, self.tenants, self.time)
        self.ledger = Ledger(memory, redis, clock=clock, ended=(self.admission.release,))
        queue = JobQueue(queue_redis)
        self.janitor = Janitor(self.ledger, queue, Landscapes(memory, self.ledger, queue), clock)

    def time(self) -> float:
        """Return the clock's time [s]."""
        return self.clock().timestamp()

    def submit(self, kind: str = "compression", request: dict | None = None, tenant: str = "acme") -> Job:
        """Accept a job if it is admitted."""
        return self.ledger.accept(tenant, kind, request or REQUEST, admit=self.admission.admit)

    def round(self) -> None:
        """Make the janitor's round."""
        began = self.time()
        self.janitor.round()
        self.admission.recount(self.janitor.found, began)

    def counted(self, tenant: str = "acme") -> int:
        """Return how many jobs are counted."""
        return int(self.admission.usage(tenant)["open_jobs"])


@pytest.fixture
def house(memory: MemoryStore, redis: Redis, raw_redis: Redis, clock: Clock) -> House:
    """Return an empty one."""
    return House(memory, redis, raw_redis, clock)


def test_a_tenant_has_as_many_open_jobs_as_it_may(house: House) -> None:
    """One job too many is refused and not accepted; when one has ended there is room again, and others have theirs."""
    jobs = [house.submit() for _ in range(3)]
    with pytest.raises(QuotaExceededError, match=r"at most 3 open jobs .quota open_jobs.; there are 3"):
        house.submit()
    house.submit(tenant="other")
    accepted = len(house.ledger.page("acme").jobs)
    house.ledger.request_cancel("acme", jobs[0].id)

    assert accepted == 3
    assert house.submit().state is JobState.QUEUED
    assert (house.counted(), house.counted("other")) == (3, 1)


def test_a_landscape_counts_with_its_points(house: House) -> None:
    """A landscape of two points is three jobs, from its admission on, whatever its points have come to."""
    house.submit("landscape", LANDSCAPE)
    with pytest.raises(QuotaExceededError, match="there are 3, and this would add 1"):
        house.submit()
    house.round()

    assert house.counted() == 3


def test_many_at_once_get_no_more(house: House) -> None:
    """Of twenty requests at the same moment three are admitted."""
    refused: list[Exception] = []

    def ask() -> None:
        try:
            house.submit()
        except QuotaExceededError as error:
            refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(refused) == 17
    assert len(house.ledger.page("acme").jobs) == 3


def test_counts_come_back_after_redis_was_emptied(house: House) -> None:
    """One round counts the open jobs again, landscapes with their points, and none that has ended."""
    ended, _ = house.submit(), house.submit("compression")
    house.ledger.request_cancel("acme", ended.id)
    house.submit("compression")
    house.redis.flushdb()
    before = house.counted()
    house.round()

    assert (before, house.counted()) == (0, 2)


def test_what_was_admitted_and_never_accepted_is_forgotten(house: House) -> None:
    """A count whose job never got its marker goes with a later round, not while it may still be on its way."""
    lost = house.submit()
    house.store.delete(f"open/{lost.id}")
    house.redis.delete(f"modelpress:{{{lost.id}}}:record")
    house.round()
    soon = house.counted()
    house.clock.pass_seconds(GRACE_S + 1)
    house.round()

    assert (soon, house.counted()) == (1, 0)


@pytest.mark.parametrize(
    ("kind", "request_", "quota"),
    [
        ("compression", {**REQUEST, "steps": 3 * [STEP]}, "steps_per_job"),
        ("landscape", {**LANDSCAPE, "points": [{"steps": [{**STEP, "seed": n}]} for n in range(3)]}, "points_per"),
    ],
)
def test_what_a_tenant_may_never_have_is_refused_for_good(house: House, kind: str, request_: dict, quota: str) -> None:
    """Too many steps or points are refused with the quota's name; waiting would not help."""
    with pytest.raises(BeyondQuotaError, match=quota) as refused:
        house.submit(kind, request_)

    assert (refused.value.status, refused.value.retryable) == (403, False)
    assert house.counted() == 0


def test_stored_bytes_are_counted_and_kept_below_the_quota(house: House) -> None:
    """Uploads count when they are announced; what is really there is added up later, and stops jobs as well."""
    house.admission.admit_bytes("acme", 900)
    with pytest.raises(BeyondQuotaError, match=r"at most 1000 stored bytes .*; there are 900, and this would add 101"):
        house.admission.admit_bytes("acme", 101)
    house.store.put("tenants/acme/uploads/x", bytes(2000))
    house.admission.look()
    with pytest.raises(BeyondQuotaError, match="there are 2000"):
        house.submit()
    house.store.delete("tenants/acme/uploads/x")
    house.store.put("tenants/acme/uploads/y", b"1")
    house.clock.pass_seconds(LOOK_EVERY_S)
    house.admission.look()

    assert house.admission.usage("acme")["stored_bytes"] == 1
    house.submit()


def test_without_redis_everybody_is_let_in(memory: MemoryStore, clock: Clock) -> None:
    """A Redis that is away keeps nobody out."""
    away = Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True)
    tenants = Tenants(memory, away, QUOTAS)
    ledger, admission = Ledger(memory, away, clock=clock), Admission(memory, away, tenants)

    assert [ledger.accept("acme", "compression", REQUEST, admit=admission.admit).state for _ in range(4)] == 4 * [
        JobState.QUEUED
    ]


def test_a_tenant_may_have_something_of_its_own(house: House) -> None:
    """What is set for one tenant holds for it at once, the rest follows the settings, and None gives it back."""
    house.tenants.set("acme", {"open_jobs": 1, "buckets": ["acme-*"]})
    own, other = house.tenants.quotas("acme"), house.tenants.quotas("other")
    house.tenants.set("acme", {"open_jobs": None})

    assert (own.open_jobs, own.steps_per_job, own.buckets) == (1, 2, ("acme-*",))
    assert other == QUOTAS
    assert house.tenants.quotas("acme").open_jobs == 3


def test_buckets_are_patterns(house: House) -> None:
    """A tenant's buckets are named by patterns."""
    names = ("models", "data-7", "data", "other")

    assert [house.tenants.quotas("acme").allows_bucket(name) for name in names] == [True, True, False, False]


@pytest.mark.parametrize(("tenant", "changes"), [("../x", {"open_jobs": 1}), ("acme", {"open_jobs": -1})])
def test_a_bad_record_is_refused(house: House, tenant: str, changes: dict) -> None:
    """A tenant must have a plain name, and a quota is no negative number."""
    with pytest.raises(InvalidRequestError, match="Expected a"):
        house.tenants.set(tenant, changes)
