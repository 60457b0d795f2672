"""What is collected, and what is not: jobs under way and results in time are never touched."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans, integers, sampled_from
from redis import Redis
from state_clock import Clock
from ulid import ULID

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import LeaseLostError, StorageError
from jobs.contract.state import JobState
from jobs.state.archive import Archive, attempt_prefix
from jobs.state.idempotency import Asked, Idempotency
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Job, Lease
from jobs.state.retention import GRACE, Reason, Retention
from jobs.state.uploads import Uploads

REQUEST = {"model": {"uri": "s3://models/tiny"}, "limits": {"queue_timeout_s": 10**9}}
LANDSCAPE = {**REQUEST, "grid": {"techniques": ["head_pruning"], "removed": [0.25, 0.5]}}
KEPT_S = 10_000
DAY_S = 86_400


@pytest.fixture
def memory(clock: Clock) -> MemoryStore:
    """Return an empty store that knows the test's time."""
    return MemoryStore(clock=clock)


@pytest.fixture
def ledger(memory: MemoryStore, redis: Redis, clock: Clock) -> Ledger:
    """Return a ledger whose jobs are kept for a while."""
    return Ledger(memory, redis, retention_s=KEPT_S, clock=clock)


@pytest.fixture
def retention(memory: MemoryStore, redis: Redis, clock: Clock) -> Retention:
    """Return what collects."""
    return Retention(memory, redis, clock=clock)


def write(store: MemoryStore, lease: Lease, *names: str) -> None:
    """Let an attempt write objects."""
    for name in names:
        store.put(attempt_prefix(lease) + name, b"{}")


def succeed(ledger: Ledger, store: MemoryStore, lease: Lease) -> Job:
    """Publish a result, and end the job with it."""
    write(store, lease, "files/model.safetensors", "report.json", "manifest.json")
    return ledger.finish(lease, JobState.SUCCEEDED)


def names(store: MemoryStore, job: Job) -> set[str]:
    """Return the names of the job's objects."""
    base = f"tenants/acme/jobs/{job.id}/"
    return {info.key.removeprefix(base) for info in store.list(base)}


def collect(retention: Retention) -> set[Reason]:
    """Collect, and return why."""
    return {found.reason for found in retention.collect(delete=True)}


def test_a_job_is_kept_until_its_time_is_over(
    ledger: Ledger, memory: MemoryStore, retention: Retention, clock: Clock
) -> None:
    """Shown and whole until ``expires_at``; from then on gone to readers, and two hours later to everybody."""
    job = succeed(ledger, memory, ledger.claim(ledger.accept("acme", "compression", REQUEST).id, "worker"))
    before = names(memory, job)
    clock.pass_seconds(KEPT_S - 1)

    assert ledger.show("acme", job.id).to_resource()["expires_at"] == "2030-01-01T02:46:40.000Z"
    assert collect(retention) == set()
    clock.pass_seconds(1)
    assert (ledger.show("acme", job.id), ledger.is_gone("acme", job.id)) == (None, True)
    assert (ledger.is_gone("umbra", job.id), ledger.page("acme").jobs) == (False, ())
    assert (collect(retention), names(memory, job)) == (set(), before)
    clock.pass_seconds(7200)
    assert collect(retention) == {Reason.EXPIRED}
    assert (names(memory, job), ledger.is_gone("acme", job.id)) == (set(), True)
    clock.pass_seconds(91 * DAY_S)
    assert collect(retention) == {Reason.TOMBSTONE}
    assert (ledger.is_gone("acme", job.id), list(memory.list(""))) == (False, [])


def test_a_dry_run_changes_nothing(ledger: Ledger, memory: MemoryStore, retention: Retention, clock: Clock) -> None:
    """It finds the same, and leaves it."""
    job = succeed(ledger, memory, ledger.claim(ledger.accept("acme", "compression", REQUEST).id, "worker"))
    clock.pass_seconds(KEPT_S + 7200)
    before = list(memory.list(""))
    found = list(retention.collect(delete=False))

    assert {each.info.key for each in found} == {f"tenants/acme/jobs/{job.id}/{name}" for name in names(memory, job)}
    assert list(memory.list("")) == before


def test_only_what_lost_goes_from_a_result_in_time(
    ledger: Ledger, memory: MemoryStore, retention: Retention, redis: Redis
) -> None:
    """Files of an attempt that came to nothing and checkpoints go; claims, and all that the outcome points to, stay."""
    first = ledger.claim(ledger.accept("acme", "compression", REQUEST).id, "worker")
    write(memory, first, "files/half", "checkpoints/steps/1/manifest.json")
    ledger.give_up(first, StorageError("away"), stage=None)
    second = ledger.claim(first.job.id, "worker")
    write(memory, second, "checkpoints/recovery/1/snapshot")

    assert collect(retention) == set()  # it is under way
    job = succeed(ledger, memory, second)
    assert collect(retention) == {Reason.ATTEMPT, Reason.CHECKPOINT}
    assert names(memory, job) == {
        *("request.json", "outcome.json", "attempts/1/claim", "attempts/2/claim"),
        *(f"attempts/2/{name}" for name in ("files/model.safetensors", "report.json", "manifest.json")),
    }
    redis.flushdb()
    assert ledger.show("acme", job.id).attempt == 2


def test_a_deletion_that_was_cut_short_is_finished(
    ledger: Ledger, memory: MemoryStore, retention: Retention, clock: Clock, redis: Redis
) -> None:
    """Wherever it stops, readers see no half of a job, and the next round takes the rest."""

    class Dying(MemoryStore):
        """A store that fails after some deletions."""

        left = 0

        def delete(self, key: str) -> None:
            """Delete, or fail."""
            if self.left == 0:
                raise StorageError("away")
            self.left -= 1
            super().delete(key)

    for left in range(6):
        job = succeed(ledger, memory, ledger.claim(ledger.accept("acme", "compression", REQUEST).id, "worker"))
        clock.pass_seconds(KEPT_S + 7200)
        dying = Dying(clock=clock)
        dying._contents, dying.left = memory._contents, left
        with pytest.raises(StorageError):
            list(Retention(dying, redis, clock=clock).collect(delete=True))

        assert (ledger.show("acme", job.id), ledger.is_gone("acme", job.id)) == (None, True)
        redis.flushdb()
        assert (ledger.show("acme", job.id), ledger.is_gone("acme", job.id)) == (None, True)
        assert collect(retention) == {Reason.EXPIRED}
        assert names(memory, job) == set()


def test_what_nobody_refers_to_is_found(memory: MemoryStore, retention: Retention, clock: Clock) -> None:
    """A request that was never promised, and files of no job, are orphans a day after they could have come in."""
    old = f"job_{ULID.from_datetime(clock())}"
    memory.put(f"tenants/acme/jobs/{old}/request.json", b"{}")
    memory.put("tenants/acme/uploads/upl_01J82KZW24PSVGGD4BVJ8FCZ0V/files/a", b"")
    clock.pass_seconds(DAY_S)
    memory.put(f"tenants/acme/jobs/job_{ULID.from_datetime(clock() - timedelta(hours=23))}/request.json", b"{}")
    found = list(retention.collect(delete=True))

    assert {(each.reason, each.info.key) for each in found} == {
        (Reason.ORPHAN, f"tenants/acme/jobs/{old}/request.json"),
        (Reason.ORPHAN, "tenants/acme/uploads/upl_01J82KZW24PSVGGD4BVJ8FCZ0V/files/a"),
    }


def test_what_comes_in_under_an_old_id_is_no_orphan(
    ledger: Ledger, memory: MemoryStore, retention: Retention, clock: Clock
) -> None:
    """A point of an old landscape, or a retry, is named for a moment long past: while it comes in nobody takes it."""
    job_id = f"job_{ULID.from_datetime(clock() - timedelta(days=3))}"
    found: list[Reason] = []

    class Collecting(MemoryStore):
        """Has the collector go round between the request and its marker."""

        def put(self, key: str, body: bytes) -> None:
            """Write, after the collector went round."""
            found.extend(collect(retention))
            super().put(key, body)

    store = Collecting(clock=clock)
    store._contents = memory._contents
    Archive(store).accept(replace(ledger.accept("acme", "compression", REQUEST), id=job_id))

    assert found == []
    assert ledger.show("acme", job_id).state is JobState.QUEUED


def test_other_leftovers_go_in_their_time(
    memory: MemoryStore, retention: Retention, redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads never completed, idempotency records over their time, and calibrations that no job has added to."""
    monkeypatch.setattr("jobs.state.uploads.utc_now", clock)
    uploads = Uploads(memory)
    begun = uploads.create("acme", [{"path": "a", "bytes": 0}])
    done = uploads.create("acme", [{"path": "a", "bytes": 0}])
    uploads.complete("acme", done["id"], [{"path": "a", "parts": []}])
    idempotency = Idempotency(memory, redis, kept_s=DAY_S, clock=clock)
    asked = Asked("acme", "key", "POST /v1/plans", {}, "job")
    idempotency.once(asked, find=lambda name: None, make=lambda name: name)
    memory.put("tenants/acme/calibrations/set/moments", b"")
    clock.pass_seconds(DAY_S)

    assert collect(retention) == set()
    clock.pass_seconds(7200)
    assert collect(retention) == {Reason.IDEMPOTENCY}
    clock.pass_seconds(6 * DAY_S)
    assert collect(retention) == {Reason.UPLOAD}
    assert (uploads.show("acme", begun["id"]), uploads.show("acme", done["id"])["state"]) == (None, "complete")
    clock.pass_seconds(23 * DAY_S)
    assert collect(retention) == {Reason.CALIBRATION}


def test_an_upload_lasts_as_long_as_the_jobs_that_name_it(
    memory: MemoryStore, redis: Redis, ledger: Ledger, clock: Clock
) -> None:
    """It is kept for as long as results are, then until the last job that has it as model or data is gone."""
    retention = Retention(memory, redis, uploads_s=KEPT_S, clock=clock)
    uploads = Uploads(memory)
    model, data, unused = (uploads.create("acme", [{"path": "a", "bytes": 0}])["id"] for _ in range(3))
    for each in (model, data, unused):
        uploads.complete("acme", each, [{"path": "a", "parts": []}])
    request = {**REQUEST, "model": {"uri": f"upload://{model}"}, "data": {"uri": f"upload://{data}"}}
    job = ledger.accept("acme", "compression", request)
    young = collect(retention)
    clock.pass_seconds(KEPT_S)
    old, left = collect(retention), [uploads.show("acme", each) is not None for each in (model, data, unused)]
    succeed(ledger, memory, ledger.claim(job.id, "w1"))
    clock.pass_seconds(KEPT_S + GRACE.total_seconds())

    assert (young, old, left) == (set(), {Reason.UNUSED}, [True, True, False])
    assert collect(retention) == {Reason.EXPIRED, Reason.UNUSED}
    assert [uploads.show("acme", each) for each in (model, data)] == [None, None]


def test_uploads_are_kept_for_ever_where_results_are(memory: MemoryStore, retention: Retention, clock: Clock) -> None:
    """Without a time of retention nothing that was completed goes."""
    uploads = Uploads(memory)
    done = uploads.create("acme", [{"path": "a", "bytes": 0}])["id"]
    uploads.complete("acme", done, [{"path": "a", "parts": []}])
    clock.pass_seconds(100 * KEPT_S)

    assert collect(retention) == set()
    assert uploads.show("acme", done)["state"] == "complete"


def test_points_last_as_long_as_their_landscape(
    ledger: Ledger, memory: MemoryStore, retention: Retention, raw_redis: Redis, clock: Clock
) -> None:
    """While a landscape goes on nothing of its points goes, however old; with it they go, and what names them."""
    landscapes = Landscapes(memory, ledger, JobQueue(raw_redis))
    landscape = ledger.accept("acme", "landscape", LANDSCAPE)
    landscapes.advance(landscape)
    points = [each.job for each in landscapes.outcomes(landscape)]
    for job_id in points:
        succeed(ledger, memory, ledger.claim(job_id, "worker"))
    clock.pass_seconds(KEPT_S + 2 * DAY_S)

    assert collect(retention) == set()
    assert landscapes.advance(ledger.show("acme", landscape.id))
    succeed(ledger, memory, ledger.claim(landscape.id, "worker"))
    assert [each.state for each in landscapes.outcomes(landscape)] == [JobState.SUCCEEDED] * len(points)
    clock.pass_seconds(KEPT_S + 7200)
    assert collect(retention) == {Reason.EXPIRED, Reason.POINT}
    assert [info.key.split("/")[2] for info in memory.list("tenants/")] == ["gone"] * (1 + len(points))


class Collected(RuleBasedStateMachine):
    """Callers and workers, stale ones too, a Redis that forgets, and somebody who collects at any moment."""

    redis: Redis
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushdb()
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        self.ledger = Ledger(self.store, self.redis, max_attempts=99, retention_s=KEPT_S, clock=self.clock)
        self.retention = Retention(self.store, self.redis, clock=self.clock)
        self.accepted: list[Job] = []
        self.kept: dict[str, set[str]] = {}
        self.until: dict[str, datetime] = {}

    @rule()
    def accept(self) -> None:
        """A caller submits."""
        self.accepted.append(self.ledger.accept("acme", "compression", REQUEST))

    @rule(target=leases, place=integers(0, 9))
    def claim(self, place: int) -> Any:
        """A worker takes a job."""
        job = self.accepted[place % len(self.accepted)] if self.accepted else None
        lease = None if job is None else self.ledger.claim(job.id, "worker")
        return multiple() if lease is None else lease

    @rule(lease=leases)
    def work(self, lease: Lease) -> None:
        """An attempt, stale or not, writes a checkpoint and a file."""
        write(self.store, lease, "checkpoints/steps/1/manifest.json", "files/half")

    @rule(lease=leases)
    def lose(self, lease: Lease) -> None:
        """An attempt comes to nothing."""
        job = self.ledger.give_up(lease, StorageError("away"), stage=None)
        if job is not None and job.state.terminal:
            self._note(job, set())

    @rule(lease=consumes(leases))
    def succeed(self, lease: Lease) -> None:
        """An attempt, stale or not, publishes and wants to end its job."""
        write(self.store, lease, "files/half", "manifest.json", "report.json")
        try:
            self._note(self.ledger.finish(lease, JobState.SUCCEEDED), {f"attempts/{lease.attempt}/manifest.json"})
        except LeaseLostError:
            return

    @rule(place=integers(0, 9))
    def cancel(self, place: int) -> None:
        """The caller has changed their mind before anybody took the job."""
        job = self.accepted[place % len(self.accepted)] if self.accepted else None
        job = job and self.ledger.request_cancel("acme", job.id)
        if job is not None and job.state is JobState.CANCELLED:
            self._note(job, set())

    @rule(seconds=sampled_from([10, 4000, KEPT_S, DAY_S]))
    def pass_time(self, seconds: int) -> None:
        """Time passes."""
        self.clock.pass_seconds(seconds)

    @rule()
    def forget(self) -> None:
        """Redis loses everything."""
        self.redis.flushdb()

    @rule(delete=booleans())
    def collect(self, delete: bool) -> None:
        """Somebody collects: whatever is over and done is gone now."""
        list(self.retention.collect(delete=delete))
        for job in self.accepted:
            over = job.id in self.until and self.clock() >= self.until[job.id] + GRACE
            assert not (delete and over and names(self.store, job))

    @invariant()
    def nothing_needed_goes(self) -> None:
        """Open jobs are there to be done, ended ones whole until their time is over, and not at all afterwards."""
        for job in self.accepted:
            shown = self.ledger.show("acme", job.id)
            if job.id in self.until and self.clock() >= self.until[job.id]:
                assert (shown, self.ledger.is_gone("acme", job.id)) == (None, True)
            elif job.id in self.until:
                assert shown.state.terminal
                assert names(self.store, job) >= {"request.json", "outcome.json"} | self.kept[job.id]
            else:
                assert not shown.state.terminal
                assert names(self.store, job) >= {"request.json"}
                assert self.store.head(f"open/{job.id}")

    def _note(self, job: Job, kept: set[str]) -> None:
        if job.id not in self.until:
            self.until[job.id], self.kept[job.id] = job.ended_at + timedelta(seconds=KEPT_S), kept


def test_nothing_needed_is_collected(redis: Redis) -> None:
    """No order of moves makes the collector take what somebody needs, or leave what nobody does."""
    Collected.redis = redis

    run_state_machine_as_test(
        Collected,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
