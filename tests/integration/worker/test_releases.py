"""Two releases side by side: a worker of the older one leaves what only the newer one understands."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from bench import ROOT, TENANT, Bench

from jobs.contract.state import JobState
from jobs.state.records import Job, utc_now
from jobs.state.retention import Reason, Retention


@pytest.fixture(autouse=True)
def _fresh(bench: Bench) -> Iterator[None]:
    """Leave no worker."""
    yield
    bench.stop()
    bench.workers.clear()


def accepted_by_newer(bench: Bench, schema: str) -> Job:
    """Return a job as a release to come accepts it: with a field that nobody here knows, and *schema*."""
    job = bench.submit("succeed")
    key = f"tenants/{TENANT}/jobs/{job.id}/request.json"
    document = json.loads(bench.state.store.get(key)) | {"schema": schema, "priority": "high"}
    bench.state.store.put(key, json.dumps(document).encode())
    bench.state.redis.hset(f"modelpress:{{{job.id}}}:record", mapping={"schema": schema, "priority": "high"})
    return job


def test_an_older_worker_beside_a_newer_service(bench: Bench) -> None:
    """It does a job with more fields than it knows, leaves one of a newer schema, and goes on; a newer one does it."""
    known = accepted_by_newer(bench, "modelpress/request/v1")
    unknown = accepted_by_newer(bench, "modelpress/request/v2")
    plain = bench.submit("succeed")
    older = bench.start_worker()

    assert [bench.wait_ended(each).state for each in (known, plain)] == [JobState.SUCCEEDED] * 2
    bench.janitor.round()
    assert (bench.job(unknown).state, bench.job(unknown).attempt) == (JobState.QUEUED, 0)
    assert older.poll() is None
    older.send_signal(signal.SIGTERM)
    assert older.wait(timeout=30) == 0
    bench.start_worker(KNOWS_REQUEST="2")
    bench.state.queue.enqueue(unknown)  # as the newer janitor does
    ended = bench.wait_ended(unknown)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 1)


def test_what_was_left_is_collected_from_a_real_store(bench: Bench) -> None:
    """Of an ended job only what its outcome points to stays; once its time is over, nothing but a tombstone."""
    bench.start_worker(MODELPRESS_RETENTION_S="60")
    lost = bench.submit("die")
    ended = bench.wait_ended(lost)
    base = f"tenants/{TENANT}/jobs/{ended.id}/"
    bench.state.store.put(f"{base}attempts/1/files/half", b"half")
    now = Retention(bench.state.store, bench.state.redis)
    later = Retention(bench.state.store, bench.state.redis, clock=lambda: utc_now() + timedelta(hours=3))

    found = [each for each in now.collect(delete=True) if each.info.key.startswith(base)]
    assert [(each.reason, each.info.key) for each in found] == [(Reason.ATTEMPT, f"{base}attempts/1/files/half")]
    assert bench.state.store.get(bench.state.ledger.artifact_key(TENANT, ended.id, "config.json")) == b"{}"
    assert {each.reason for each in later.collect(delete=True)} == {Reason.EXPIRED}
    assert list(bench.state.store.list(base)) == []
    assert (bench.state.ledger.show(TENANT, ended.id), bench.state.ledger.is_gone(TENANT, ended.id)) == (None, True)


def test_what_a_job_starts_inherits_no_secret(bench: Bench) -> None:
    """The environment of a job has neither the store's keys nor the address of Redis."""
    bench.start_worker(MODELPRESS_HUB_TOKEN="hf_canary")
    assert bench.wait_ended(bench.submit("tell environment")).state is JobState.SUCCEEDED
    seen = json.loads((bench.folder / "mark").read_text())

    assert not {name for name in seen if name.endswith(("_KEY", "_TOKEN", "REDIS_URL"))}
    assert bench.environment["MODELPRESS_S3_SECRET_KEY"] not in seen.values()


@pytest.mark.parametrize(("arguments", "said"), [(["--list"], "Nothing was changed"), (["--delete"], "Deleted.")])
def test_the_collector_is_a_command(bench: Bench, arguments: list[str], said: str) -> None:
    """It says how much could go and why, and whether it went."""
    program = [sys.executable, "-m", "jobs.collector", *arguments]
    environment = {**os.environ, **bench.environment}
    done = subprocess.run(program, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "expired jobs: 0 objects, 0 bytes" in done.stdout
    assert said in done.stdout
