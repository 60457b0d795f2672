"""Whatever happens in whatever order: a job that was accepted ends once, and never comes back.

Between any two calls that a step makes to the store or to Redis, either may fail, before or after the call took effect.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from hypothesis.strategies import booleans, builds, integers, none, one_of, sampled_from
from luck import REDIS, STORE, Fault, FaultyStore, Luck, faulty_redis
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import CancelledError, LeaseLostError, QueueError, StorageError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Lease

TENANT = "acme"
REQUEST = {"model": {"uri": "s3://models/tiny"}, "limits": {"queue_timeout_s": 500, "run_timeout_s": 1000}}

LANDSCAPE = {**REQUEST, "grid": {"techniques": ["head_pruning"], "removed": [0.25, 0.5]}}


FAULTS = one_of(
    none(),
    builds(Fault, where=sampled_from([STORE, REDIS]), nth=integers(0, 12), times=integers(1, 4), late=booleans()),
)
"""What goes wrong during a step; shrinks to nothing."""


class AnyOrder(RuleBasedStateMachine):
    """Callers, workers and the janitor at work, with leases that lapse and a Redis that forgets."""

    redis: Redis
    url: str
    jobs = Bundle("jobs")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushdb()
        self.store, self.clock, self.luck = MemoryStore(), Clock(), Luck()
        faulty = FaultyStore(self.store, self.luck)
        self.clients = [faulty_redis(self.url, self.luck, decode=decode) for decode in (True, False)]
        self.ledger = Ledger(faulty, self.clients[0], lease_s=60, max_attempts=3, clock=self.clock)
        self.queue = JobQueue(self.clients[1])
        self.landscapes = Landscapes(faulty, self.ledger, self.queue)
        self.janitor = Janitor(self.ledger, self.queue, self.landscapes, self.clock)
        self.accepted: list[str] = []
        self.outcomes: dict[str, bytes] = {}
        self.met_a_fault = False

    @contextmanager
    def meeting(self, fault: Fault | None) -> Iterator[None]:
        """Let *fault* happen within the block; who meets it gives up there."""
        self.met_a_fault |= fault is not None
        with suppress(StorageError, QueueError), self.luck.out(fault):
            yield

    @rule(target=jobs, kind=sampled_from(["compression", "landscape"]), fault=FAULTS)
    def accept(self, kind: str, fault: Fault | None) -> Any:
        """A caller submits; a landscape reuses the points of another that asked for the same.

        Who is told that it failed may have a job all the same, or may not.
        """
        with self.meeting(fault):
            job = self.ledger.accept(TENANT, kind, REQUEST if kind == "compression" else LANDSCAPE)
            self.accepted.append(job.id)
            with suppress(QueueError):
                self.queue.enqueue(job)
            return job.id
        return multiple()

    @rule(target=jobs, job_id=jobs, fault=FAULTS)
    def look_at_landscape(self, job_id: str, fault: Fault | None) -> Any:
        """Somebody brings a landscape forward; its points become jobs that can be worked on and cancelled."""
        job = self.ledger.find(job_id)
        if job is None or job.kind != "landscape":
            return multiple()
        with self.meeting(fault):
            self.landscapes.advance(job)
        points = {each.job for each in self.landscapes.outcomes(job) if each.job} - set(self.accepted)
        self.accepted.extend(points)
        return multiple(*sorted(points))

    @rule(target=leases, job_id=jobs, fault=FAULTS)
    def claim(self, job_id: str, fault: Fault | None) -> Any:
        """A worker takes a job that the queue told it of, perhaps twice."""
        lease = None
        with self.meeting(fault):
            job = self.ledger.find(job_id)
            if job is None or job.kind != "landscape" or self.landscapes.advance(job):
                lease = self.ledger.claim(job_id, "worker")
        return multiple() if lease is None else lease

    @rule(lease=leases, fault=FAULTS)
    def report(self, lease: Lease, fault: Fault | None) -> None:
        """An attempt, stale or not, reports its progress."""
        told = False
        with suppress(LeaseLostError, CancelledError), self.meeting(fault):
            self.ledger.progress(lease, {"stage": "compress", "step": 1, "steps": 2, "fraction": 0.5})
            told = True
        assert not told or self.ledger.show(TENANT, lease.job.id).attempt == lease.attempt

    @rule(lease=leases, fault=FAULTS)
    def look_after(self, lease: Lease, fault: Fault | None) -> None:
        """A worker says that it lives."""
        with self.meeting(fault):
            self.ledger.heartbeat(lease.job.id, "worker")

    @rule(lease=consumes(leases), state=sampled_from([JobState.SUCCEEDED, JobState.FAILED]), fault=FAULTS)
    def finish(self, lease: Lease, state: JobState, fault: Fault | None) -> None:
        """An attempt, stale or not, wants to end its job; if it cannot, it gives up as it does after any failure."""
        ended = False
        with suppress(LeaseLostError), self.meeting(fault):
            try:
                self.ledger.finish(lease, state)
                ended = True
            except StorageError as error:
                self.ledger.give_up(lease, error, stage="publish")
        assert not ended or json.loads(self._outcome(lease.job.id))["attempt"] == lease.attempt

    @rule(lease=consumes(leases), fault=FAULTS)
    def meet_a_failing_store(self, lease: Lease, fault: Fault | None) -> None:
        """An attempt ends early, to be tried again."""
        with self.meeting(fault):
            self.ledger.give_up(lease, StorageError("away"), stage=None)

    @rule(job_id=jobs, fault=FAULTS)
    def cancel(self, job_id: str, fault: Fault | None) -> None:
        """The caller has changed their mind."""
        with self.meeting(fault):
            self.ledger.request_cancel(TENANT, job_id)

    @rule(seconds=sampled_from([1, 61, 501]))
    def pass_time(self, seconds: int) -> None:
        """Leases lapse and waiting jobs expire."""
        self.clock.pass_seconds(seconds)

    @rule()
    def forget(self) -> None:
        """Redis loses everything."""
        self.redis.flushdb()

    @rule(fault=FAULTS)
    def tidy(self, fault: Fault | None) -> None:
        """The janitor makes a round."""
        with self.meeting(fault):
            self.janitor.round()

    @invariant()
    def ends_once(self) -> None:
        """An outcome never changes, and callers see no other end."""
        for job_id in self.accepted:
            outcome = self._outcome(job_id)
            before = self.outcomes.setdefault(job_id, outcome) if outcome else self.outcomes.get(job_id)
            assert outcome == before
            if outcome:
                self._shown(self.ledger.show(TENANT, job_id).state, json.loads(outcome)["state"])

    def teardown(self) -> None:
        """Whatever happened, the janitor alone brings every job to its end, once nothing fails any more."""
        for _ in range(16):
            self.clock.pass_seconds(600)
            self.janitor.round()
        assert list(self.ledger.open_ids()) == []
        for job_id in self.accepted:
            assert self.ledger.show(TENANT, job_id).state == json.loads(self._outcome(job_id))["state"]
        for client in self.clients:
            client.close()

    def _shown(self, state: JobState, ended: str) -> None:
        """Hold what callers see to how the job *ended*; a fault may keep the news from them, until somebody looks."""
        assert state == ended or (self.met_a_fault and not state.terminal)

    def _outcome(self, job_id: str) -> bytes | None:
        key = f"tenants/{TENANT}/jobs/{job_id}/outcome.json"
        return self.store.get(key) if self.store.head(key) else None


@pytest.mark.parametrize("examples", [40, pytest.param(1000, marks=(pytest.mark.slow, pytest.mark.timeout(3000)))])
def test_every_job_ends_once(redis: Redis, own_redis_url: str, examples: int) -> None:
    """No order of moves, and no failure between any two, loses a job, ends it twice or brings it back."""
    AnyOrder.redis, AnyOrder.url = redis, own_redis_url

    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
