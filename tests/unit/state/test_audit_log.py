"""The audit log: it only grows, loses nothing and tells nothing twice."""

from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.state.audit import STREAM, AuditLog

DAY = "2030-01-01"


@pytest.fixture
def audit(memory: MemoryStore, redis: Redis, clock: Clock) -> AuditLog:
    """Return an empty log."""
    return AuditLog(memory, redis, clock)


def note(audit: AuditLog, what: str, tenant: str = "acme") -> None:
    """Note that somebody did *what*."""
    audit.note(who="key:1", tenant=tenant, what=what, outcome="202", address="203.0.113.9")


def told(audit: AuditLog, **query: Any) -> list[str]:
    """Return what was done on the first day."""
    return [each["what"] for each in audit.read(DAY, **query)]


def test_notes_are_read_before_and_after_they_are_gathered(audit: AuditLog, redis: Redis) -> None:
    """A note is there at once, and still once it was moved to the store; Redis then holds none."""
    note(audit, "a")
    note(audit, "b", "other")
    before = told(audit)
    moved = audit.gather()
    note(audit, "c")

    assert (before, moved, told(audit), told(audit, tenant="acme")) == (["a", "b"], 2, ["a", "b", "c"], ["a", "c"])
    assert redis.xlen(STREAM) == 1
    assert next(audit.read(DAY)) | {"id": ""} == {
        "id": "",
        "at": "2030-01-01T00:00:00.000Z",
        "who": "key:1",
        "tenant": "acme",
        "what": "a",
        "outcome": "202",
        "address": "203.0.113.9",
    }


def test_a_note_that_is_moved_twice_is_told_once(audit: AuditLog, redis: Redis, memory: MemoryStore) -> None:
    """A janitor that dies between store and Redis, or two of them, tell nothing twice and overwrite nothing."""
    note(audit, "a")
    kept = redis.xrange(STREAM)[0][1]
    audit.gather()
    objects = {each.key: memory.get(each.key) for each in memory.list("audit/")}
    redis.xadd(STREAM, kept)
    note(audit, "b")
    audit.gather()

    assert told(audit) == ["a", "b"]
    assert all(memory.get(key) == body for key, body in objects.items())


def test_days_are_apart(audit: AuditLog, clock: Clock) -> None:
    """A note belongs to the day when it was made, whenever it is gathered."""
    note(audit, "a")
    clock.pass_seconds(timedelta(days=1).total_seconds())
    note(audit, "b")
    audit.gather()

    assert told(audit) == ["a"]
    assert [each["what"] for each in audit.read("2030-01-02")] == ["b"]


def test_nothing_is_lost_without_redis(memory: MemoryStore, audit: AuditLog, clock: Clock) -> None:
    """While Redis is away every note is an object of its own."""
    alone = AuditLog(memory, Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True), clock)
    note(alone, "a")
    note(alone, "b")

    assert sorted(told(audit)) == ["a", "b"]
