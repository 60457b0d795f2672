"""Whatever happens in whatever order: a job that was accepted ends once, and never comes back."""

import json
from typing import Any

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
from hypothesis.strategies import sampled_from
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import CancelledError, LeaseLostError, StorageError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Lease

TENANT = "acme"
REQUEST = {"model": {"uri": "s3://models/tiny"}, "limits": {"queue_timeout_s": 500, "run_timeout_s": 1000}}

LANDSCAPE = {**REQUEST, "grid": {"techniques": ["head_pruning"], "removed": [0.25, 0.5]}}


class AnyOrder(RuleBasedStateMachine):
    """Callers, workers and the janitor at work, with leases that lapse and a Redis that forgets."""

    redis: Redis
    raw_redis: Redis
    jobs = Bundle("jobs")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushdb()
        self.store, self.clock = MemoryStore(), Clock()
        self.ledger = Ledger(self.store, self.redis, lease_s=60, max_attempts=3, clock=self.clock)
        queue = JobQueue(self.raw_redis)
        self.landscapes = Landscapes(self.store, self.ledger, queue)
        self.janitor = Janitor(self.ledger, queue, self.landscapes, self.clock)
        self.accepted: list[str] = []
        self.outcomes: dict[str, bytes] = {}

    @rule(target=jobs)
    def accept(self) -> str:
        """A caller submits."""
        job_id = self.ledger.accept(TENANT, "compression", REQUEST).id
        self.accepted.append(job_id)
        return job_id

    @rule(target=jobs)
    def accept_landscape(self) -> str:
        """A caller submits a landscape; another that asks for the same reuses its points."""
        job_id = self.ledger.accept(TENANT, "landscape", LANDSCAPE).id
        self.accepted.append(job_id)
        return job_id

    @rule(target=jobs, job_id=jobs)
    def look_at_landscape(self, job_id: str) -> Any:
        """Somebody brings a landscape forward; its points become jobs that can be worked on and cancelled."""
        job = self.ledger.find(job_id)
        if job is None or job.kind != "landscape":
            return multiple()
        self.landscapes.advance(job)
        points = {each.job for each in self.landscapes.outcomes(job) if each.job} - set(self.accepted)
        self.accepted.extend(points)
        return multiple(*sorted(points))

    @rule(target=leases, job_id=jobs)
    def claim(self, job_id: str) -> Any:
        """A worker takes a job that the queue told it of, perhaps twice."""
        job = self.ledger.find(job_id)
        if job is not None and job.kind == "landscape" and not self.landscapes.advance(job):
            return multiple()
        lease = self.ledger.claim(job_id, "worker")
        return multiple() if lease is None else lease

    @rule(lease=leases)
    def report(self, lease: Lease) -> None:
        """An attempt, stale or not, reports its progress."""
        try:
            self.ledger.progress(lease, {"stage": "compress", "step": 1, "steps": 2, "fraction": 0.5})
        except (LeaseLostError, CancelledError):
            return
        assert self.ledger.show(TENANT, lease.job.id).attempt == lease.attempt

    @rule(lease=consumes(leases), state=sampled_from([JobState.SUCCEEDED, JobState.FAILED]))
    def finish(self, lease: Lease, state: JobState) -> None:
        """An attempt, stale or not, wants to end its job."""
        try:
            self.ledger.finish(lease, state)
        except LeaseLostError:
            return
        assert json.loads(self._outcome(lease.job.id))["attempt"] == lease.attempt

    @rule(lease=consumes(leases))
    def meet_a_failing_store(self, lease: Lease) -> None:
        """An attempt ends early, to be tried again."""
        self.ledger.give_up(lease, StorageError("away"), stage=None)

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        """The caller has changed their mind."""
        self.ledger.request_cancel(TENANT, job_id)

    @rule(seconds=sampled_from([1, 61, 501]))
    def pass_time(self, seconds: int) -> None:
        """Leases lapse and waiting jobs expire."""
        self.clock.pass_seconds(seconds)

    @rule()
    def forget(self) -> None:
        """Redis loses everything."""
        self.redis.flushdb()

    @rule()
    def tidy(self) -> None:
        """The janitor makes a round."""
        self.janitor.round()

    @invariant()
    def ends_once(self) -> None:
        """An outcome never changes, and what it says is what callers see."""
        for job_id in self.accepted:
            outcome = self._outcome(job_id)
            before = self.outcomes.setdefault(job_id, outcome) if outcome else self.outcomes.get(job_id)
            assert outcome == before
            if outcome:
                assert self.ledger.show(TENANT, job_id).state == json.loads(outcome)["state"]

    def teardown(self) -> None:
        """Whatever happened, the janitor alone brings every job to its end."""
        for _ in range(16):
            self.clock.pass_seconds(600)
            self.janitor.round()
        assert list(self.ledger.open_ids()) == []
        assert all(self._outcome(job_id) for job_id in self.accepted)

    def _outcome(self, job_id: str) -> bytes | None:
        key = f"tenants/{TENANT}/jobs/{job_id}/outcome.json"
        return self.store.get(key) if self.store.head(key) else None


def test_every_job_ends_once(redis: Redis, raw_redis: Redis) -> None:
    """No order of moves loses a job, ends it twice or brings it back."""
    AnyOrder.redis, AnyOrder.raw_redis = redis, raw_redis

    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
