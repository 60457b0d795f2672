"""One real worker, and everything that a job can do to it."""

import hashlib
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from bench import TENANT, Bench
from waiting import wait

from jobs.contract.state import JobState
from jobs.quiet import LOCKS


@pytest.fixture(scope="module")
def worker(bench: Bench) -> subprocess.Popen[bytes]:
    """Return the worker that all tests of this module share: it has to live on."""
    return bench.start_worker()


@pytest.fixture(autouse=True)
def _lives_on(bench: Bench, worker: subprocess.Popen[bytes]) -> None:
    """After every test the very same worker can do a job, and has left nothing on the disk."""
    yield
    assert bench.wait_ended(bench.submit("succeed")).state is JobState.SUCCEEDED
    assert worker.poll() is None
    wait(lambda: not [each for each in (bench.folder / "scratch").glob("*/*") if each.parent.name != LOCKS])


def test_a_job_succeeds_and_what_it_made_is_published(bench: Bench) -> None:
    """The manifest lists every file with its true hash; report and story are complete."""
    job = bench.wait_ended(bench.submit("succeed"))
    ledger, store = bench.state.ledger, bench.state.store
    manifest, report = ledger.manifest("acme", job.id), ledger.report("acme", job.id)

    assert [each["path"] for each in manifest["files"]] == ["config.json", "sub/model.safetensors"]
    for each in manifest["files"]:
        content = store.get(ledger.artifact_key("acme", job.id, each["path"]))
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])
    assert manifest["source"]["uri"] == report["model"]["uri"] == "s3://bench-models/tiny"
    assert manifest["versions"] == {"torch": "2"}
    assert bench.story(job) == ["queued", "running", "succeeded"]
    assert ledger.artifact_key("acme", job.id, "../manifest.json") is None


def test_the_queue_is_left_empty(bench: Bench) -> None:
    """RQ keeps nothing of a job that has run, and the ledger has no open job."""
    job = bench.wait_ended(bench.submit("succeed"))

    wait(lambda: not bench.state.redis.exists(f"rq:job:{job.id}-a1-{TENANT}"))
    assert list(bench.state.ledger.open_ids()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_parent_has_one_thread(bench: Bench, worker: subprocess.Popen[bytes]) -> None:
    """A process that forks must have no other thread, torch loaded or not."""
    bench.wait_ended(bench.submit("succeed"))

    assert len(list(Path(f"/proc/{worker.pid}/task").iterdir())) == 1


def test_an_expected_failure_reaches_the_caller(bench: Bench) -> None:
    """An error of the contract ends the job with its code, message and stage."""
    job = bench.wait_ended(bench.submit("refuse"))

    assert job.state is JobState.FAILED
    assert (job.error["code"], job.error["stage"], job.attempt) == ("unsafe_format", "load", 1)
    assert bench.state.ledger.manifest("acme", job.id) is None


def test_a_surprise_keeps_its_details_in_the_log(bench: Bench) -> None:
    """The caller reads of an internal error, the operator's log has the reason."""
    job = bench.wait_ended(bench.submit("fall over"))

    assert (job.state, job.error["code"]) == (JobState.FAILED, "internal_error")
    assert "canary" not in json.dumps(job.to_resource())
    assert "ValueError: canary" in (bench.folder / "worker.log").read_text()


def test_a_store_that_fails_costs_an_attempt(bench: Bench) -> None:
    """After a storage error the janitor queues the job again, and the second attempt succeeds."""
    job = bench.wait_ended(bench.submit("lose store"), rounds=True)

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert bench.story(job) == ["queued", "running", "queued", "running", "succeeded"]


def test_a_killed_child_costs_an_attempt(bench: Bench) -> None:
    """Kill -9 of the child: the parent hands the job on, without any janitor, and it ends once."""
    job = bench.wait_ended(bench.submit("die"))

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert bench.story(job).count("succeeded") == 1


def test_a_running_job_stops_when_it_is_cancelled(bench: Bench) -> None:
    """A job that reports its progress stops at the next report."""
    job = bench.submit("work")
    bench.wait_working(job)
    bench.state.ledger.request_cancel("acme", job.id)

    assert bench.wait_ended(job).state is JobState.CANCELLED
    assert bench.story(job) == ["queued", "running", "cancelling", "cancelled"]


def test_a_deaf_job_is_killed_when_it_is_cancelled(bench: Bench) -> None:
    """A job that never looks up is killed after the grace and ends as cancelled."""
    job = bench.submit("hang")
    wait((bench.folder / "mark").exists)
    bench.state.ledger.request_cancel("acme", job.id)

    assert bench.wait_ended(job).state is JobState.CANCELLED


def test_a_job_that_takes_too_long_is_ended(bench: Bench) -> None:
    """At its run timeout a job fails as a limit, and is not tried again."""
    job = bench.wait_ended(bench.submit("sleep", run_timeout_s=1))

    assert (job.state, job.error["code"], job.attempt) == (JobState.FAILED, "limit_exceeded", 1)


def test_redis_may_forget_a_running_job(bench: Bench) -> None:
    """Redis is emptied while a job runs: the worker goes on, and the job ends once, at its first attempt."""
    job = bench.submit("work")
    bench.wait_working(job)
    bench.state.redis.flushdb()
    (bench.folder / "mark").touch()

    ended = bench.wait_ended(job, rounds=True)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 1)


def test_redis_may_forget_a_waiting_job(bench: Bench) -> None:
    """Redis is emptied while a job waits behind another: the janitor brings it back, and both end."""
    first, second = bench.submit("work"), bench.submit("succeed")
    bench.wait_working(first)
    bench.state.redis.flushdb()
    (bench.folder / "mark").touch()

    assert bench.wait_ended(first, rounds=True).state is JobState.SUCCEEDED
    assert bench.wait_ended(second, rounds=True).state is JobState.SUCCEEDED


def test_a_planted_job_is_not_run(bench: Bench) -> None:
    """A job that somebody wrote into Redis by hand runs nothing."""
    target = bench.folder / "planted"
    data = zlib.compress(json.dumps(["os.system", None, [f"touch {target}"], {}]).encode())
    with bench.state.queue._queue.connection.pipeline() as pipeline:
        fields = {"data": data, "status": "queued", "origin": "modelpress", "timeout": "10"}
        pipeline.hset("rq:job:planted", mapping={"created_at": "2030-01-01T00:00:00.000000Z", **fields})
        pipeline.rpush("rq:queue:modelpress", "planted")
        pipeline.execute()

    wait(lambda: bench.state.redis.hget("rq:job:planted", "status") == "failed")
    assert not target.exists()


def test_a_second_delivery_does_nothing(bench: Bench) -> None:
    """A job that is delivered again after its end stays as it ended."""
    job = bench.wait_ended(bench.submit("succeed"))
    bench.state.queue.enqueue(job)
    bench.wait_ended(bench.submit("succeed"))

    assert bench.job(job) == job


def test_an_ended_worker_says_so(bench: Bench) -> None:
    """A worker without settings ends at once and names what it needs."""
    program = str(Path(__file__).with_name("worker_program.py"))
    environment = {"PATH": "/usr/bin", "PYTHONPATH": str(Path(__file__).parents[3])}
    ended = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "MODELPRESS_S3_ENDPOINT is not set" in ended.stderr
