"""The queue carries one kind of job; whatever else lies in Redis is refused."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.worker import SimpleWorker

from jobs.state.queue import JobQueue, Place, RefusedJobError, SafeJob
from jobs.state.records import Job, new_id, utc_now

JOB = "job_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def waiting(tenant: str = "acme", job_id: str = JOB, attempt: int = 0) -> Job:
    """Return a job that waits for the attempt after *attempt*."""
    request = {"limits": {"run_timeout_s": 77}}
    return Job(job_id, tenant, "compression", request, created_at=utc_now(), queued_at=utc_now(), attempt=attempt)


@pytest.fixture
def queue(raw_redis: Redis) -> JobQueue:
    """Return an empty queue."""
    return JobQueue(raw_redis)


def planted(redis: Redis, data: list, **more: Any) -> SafeJob:
    """Return a job that somebody wrote into Redis by hand."""
    fields = {"data": zlib.compress(json.dumps(data).encode()), "status": "queued", "origin": "modelpress", **more}
    redis.hset("rq:job:planted", mapping={"created_at": "2030-01-01T00:00:00.000000Z", **fields})
    return SafeJob.fetch("planted", redis, "json")


def test_a_job_travels_as_plain_json_with_nothing_but_its_id(queue: JobQueue, raw_redis: Redis) -> None:
    """The payload names the task and the id; it has a timeout and leaves no result."""
    queue.enqueue(waiting())

    fields = raw_redis.hgetall(f"rq:job:{JOB}-a1-acme")
    assert json.loads(zlib.decompress(fields[b"data"])) == ["jobs.tasks.run_job", None, [JOB], {}]
    assert (fields[b"timeout"], fields[b"result_ttl"]) == (b"77", b"0")


def test_enqueueing_twice_is_once(queue: JobQueue, raw_redis: Redis) -> None:
    """The same attempt is on the queue once, another attempt is another entry."""
    queue.enqueue(waiting())
    queue.enqueue(waiting())
    queue.enqueue(waiting(attempt=1))

    assert raw_redis.llen("rq:queue:modelpress") == 2


def test_a_dropped_attempt_can_be_enqueued_again(queue: JobQueue) -> None:
    """Dropping makes an attempt absent; then it can wait again."""
    queue.enqueue(waiting())
    queue.drop(waiting())
    assert queue.place(waiting()) is Place.ABSENT
    queue.enqueue(waiting())

    assert queue.place(waiting()) is Place.WAITING


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("aaab", "abaa"),
        ("aaabbc", "abcaba"),
        ("abab", "abab"),
        ("b", "b"),
        ("aab!a", "aba!a"),
    ],
)
def test_tenants_take_turns(queue: JobQueue, raw_redis: Redis, asked: str, served: str) -> None:
    """Of each tenant the first comes before the second of any, in the order in which they asked; nobody's turn is lost.

    After ``!`` the first job has been taken: what is asked for then waits its turn among those that are left.
    """
    jobs = {letter: [] for letter in "abc"}
    taken = ""
    for letter in asked:
        if letter == "!":
            taken = raw_redis.lpop("rq:queue:modelpress").decode()[-1]
            continue
        jobs[letter].append(waiting(letter, new_id("job")))
        queue.enqueue(jobs[letter][-1])
    left = [text.decode() for text in raw_redis.lrange("rq:queue:modelpress", 0, -1)]

    assert taken + "".join(each[-1] for each in left) == served.replace("!", "")
    for letter, own in jobs.items():
        assert [each[:30] for each in left if each[-1] == letter] == [job.id for job in own][taken == letter :]


@pytest.mark.parametrize(
    "data",
    [
        ["os.system", None, ["id"], {}],
        ["jobs.tasks.run_job", "os", [JOB], {}],
        ["jobs.tasks.run_job", None, ["../../etc"], {}],
        ["jobs.tasks.run_job", None, [JOB, "more"], {}],
        ["jobs.tasks.run_job", None, [], {"job_id": JOB}],
        ["jobs.tasks.Reporter", None, [JOB], {}],
    ],
)
def test_a_planted_job_is_refused_before_anything_is_imported(raw_redis: Redis, data: list[Any]) -> None:
    """Another function, an instance, other arguments: none of it is resolved."""
    with pytest.raises(RefusedJobError, match="not run"):
        planted(raw_redis, data).func  # noqa: B018 - reading it resolves it


def test_callbacks_are_ignored(raw_redis: Redis) -> None:
    """Callbacks are import paths too: none is ever resolved."""
    names = {f"{kind}_callback_name": "os.abort" for kind in ("success", "failure", "stopped")}
    job = planted(raw_redis, ["jobs.tasks.run_job", None, [JOB], {}], **names)

    assert job.success_callback is job.failure_callback is job.stopped_callback is None


def test_a_worker_outlives_a_planted_job(raw_redis: Redis, tmp_path: Path) -> None:
    """A worker that meets os.system on the queue marks it failed, runs nothing and ends its round normally."""
    planted(raw_redis, ["os.system", None, [f"touch {tmp_path}/ran"], {}], timeout="10")
    raw_redis.rpush("rq:queue:modelpress", "planted")
    worker = SimpleWorker(["modelpress"], connection=raw_redis, job_class=SafeJob, serializer="json")

    worker.work(burst=True, logging_level="CRITICAL")

    assert SafeJob.fetch("planted", raw_redis, "json").get_status() == "failed"
    assert list(tmp_path.iterdir()) == []
