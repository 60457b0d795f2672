"""A copy of the bucket that is made while jobs go on: what is open first, then all that was there by then."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.state import JobState
from jobs.state.archive import job_prefix
from jobs.state.ledger import Ledger
from jobs.state.objects import ObjectInfo

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}
MOMENTS = 16
"""More than a copy of the few objects here has."""


class Ticking(Clock):
    """A clock by which no two things happen at once."""

    def __call__(self) -> object:
        """Return the present moment, the next time a later one."""
        self.pass_seconds(0.001)
        return self.now


def back_up(source: MemoryStore, target: MemoryStore, clock: Ticking, meanwhile: Callable[[], None]) -> None:
    """Copy as `docs/operations.md` says; before each object, something else may happen."""
    for found in list(source.list("open/")):
        meanwhile()
        copy(source, target, found.key)
    until = clock.now
    clock.now += timedelta(minutes=1)
    for found in paged(source):
        meanwhile()
        if found.modified <= until:
            copy(source, target, found.key)


def paged(store: MemoryStore) -> Iterator[ObjectInfo]:
    """Yield what is below `tenants/`, asking for each object only when it is its turn, as long listings are had."""
    last = ""
    while found := next((each for each in store.list("tenants/") if each.key > last), None):
        yield found
        last = found.key


def copy(source: MemoryStore, target: MemoryStore, key: str) -> None:
    """Copy an object, if it is still there."""
    if source.head(key) is not None:
        target.put(key, source.get(key))


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_backup_may_be_made_at_any_time(redis: Redis, moment: int) -> None:
    """Whenever jobs end and others come in, each that was accepted before has its end in the copy, or is open there."""
    clock, calls = Ticking(), count()
    source, target = MemoryStore(clock=clock), MemoryStore("copy", clock=clock)
    ledger = Ledger(source, redis, clock=clock)
    ended, running, waiting = (ledger.accept("acme", "compression", REQUEST).id for _ in range(3))
    ledger.finish(ledger.claim(ended, "worker"), JobState.SUCCEEDED)
    lease, files = ledger.claim(running, "worker"), f"{job_prefix('acme', running)}attempts/1/files/"
    source.put(f"{files}weights-2", b"large")

    def meanwhile() -> None:
        if next(calls) == moment:
            source.put(f"{files}weights-1", b"small")
            ledger.finish(lease, JobState.SUCCEEDED)
            ledger.request_cancel("acme", waiting)
            ledger.accept("acme", "compression", REQUEST)

    back_up(source, target, clock, meanwhile)
    redis.flushdb()
    restored = Ledger(target, redis, clock=clock)
    states = {job: restored.show("acme", job).state for job in (ended, running, waiting)}

    assert next(calls) <= MOMENTS
    assert states[ended] is JobState.SUCCEEDED
    assert {job for job, state in states.items() if not state.terminal} <= set(restored.open_ids())
    assert states[running] is not JobState.SUCCEEDED or target.head(f"{files}weights-1")
