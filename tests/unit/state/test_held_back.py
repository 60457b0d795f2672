"""A tenant that may have so many jobs under way at a time: the others wait, the oldest first."""

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.janitor import Janitor
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Job

REQUEST = {"model": {"uri": "s3://models/tiny"}, "limits": {"run_timeout_s": 300}}
LINE, TAKEN, BEGUN = "rq:queue:modelpress", "rq:queue:modelpress:intermediate", "rq:wip:modelpress"
MOST = {"held": 2, "free": 0}


@pytest.fixture
def queue(raw_redis: Redis) -> JobQueue:
    """Return a queue that lets on two jobs of one tenant, and all of another."""
    return JobQueue(raw_redis, MOST.__getitem__)


@pytest.fixture
def janitor(ledger: Ledger, queue: JobQueue, memory: MemoryStore, clock: Clock) -> Janitor:
    """Return a janitor of that queue."""
    return Janitor(ledger, queue, Landscapes(memory, ledger, queue), clock)


def asked(ledger: Ledger, queue: JobQueue, tenant: str, count: int) -> list[Job]:
    """Return jobs of *tenant* that were accepted and announced."""
    jobs = [ledger.accept(tenant, "compression", REQUEST) for _ in range(count)]
    for job in jobs:
        queue.enqueue(job)
    return sorted(jobs, key=lambda job: job.id)


def line(redis: Redis) -> list[str]:
    """Return the jobs on the queue."""
    return [each.split("-")[0] for each in redis.lrange(LINE, 0, -1)]


def test_so_many_are_let_on_and_the_oldest_first(
    janitor: Janitor, ledger: Ledger, queue: JobQueue, redis: Redis
) -> None:
    """The janitor lets on two of the held tenant; another tenant's jobs are there at once."""
    free, held = asked(ledger, queue, "free", 3), asked(ledger, queue, "held", 4)
    before = line(redis)
    moved = janitor.round(), janitor.round()

    assert before == [job.id for job in free]
    assert moved == (2, 0)
    assert sorted(line(redis)) == sorted(job.id for job in (*free, *held[:2]))


@pytest.mark.parametrize("where", ["taken", "begun"])
def test_those_with_a_worker_count(
    *, janitor: Janitor, ledger: Ledger, queue: JobQueue, redis: Redis, where: str
) -> None:
    """A job that a worker has taken or begun fills a place until RQ has done with it; then the next is let on."""
    held = asked(ledger, queue, "held", 3)
    janitor.round()
    taken = redis.lmove(LINE, TAKEN)
    if where == "begun":
        redis.lrem(TAKEN, 0, taken)
        redis.zadd(BEGUN, {f"{taken}:execution": 2**33})
        redis.hset(f"rq:job:{taken}", "status", "started")
        ledger.claim(held[0].id, "w1")
    full = janitor.round()
    redis.delete(TAKEN, BEGUN)

    assert full == 0
    assert janitor.round() == 1


def test_a_place_that_a_dead_worker_holds_is_free_again(
    janitor: Janitor, ledger: Ledger, queue: JobQueue, redis: Redis
) -> None:
    """Workers died with both jobs in their hands, and an older one waits: nobody waits for ever."""
    oldest = ledger.accept("held", "compression", REQUEST)
    newer = asked(ledger, queue, "held", 2)
    for job in newer:
        queue.let_on(job)
        redis.lmove(LINE, TAKEN)
    rounds = [janitor.round() for _ in range(3)]

    assert rounds[0] == 0
    assert sum(rounds) == 2
    assert redis.llen(TAKEN) + redis.llen(LINE) == 2
    assert ledger.find(oldest.id) is not None


def test_while_one_process_looks_for_room_no_other_does(ledger: Ledger, queue: JobQueue, redis: Redis) -> None:
    """A job is let on once the other is done, or its time is over."""
    redis.set("modelpress:room:held", "another process", px=300)

    assert queue.let_on(ledger.accept("held", "compression", REQUEST))
    assert redis.exists("modelpress:room:held") == 0
