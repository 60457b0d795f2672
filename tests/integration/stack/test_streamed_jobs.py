"""Jobs that go by layers, from a real bucket to a real bucket, as a worker runs them."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from modelpress.loading import verify

from deploy.embedded.stack import Stack
from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state.opening import State
from jobs.state.records import Job
from jobs.state.settings import StateSettings
from jobs.tasks import run_job
from tests.e2e.tiny_folders import put_folder
from tests.tiny import tiny

TENANT = "acme"
HEADS: Json = {"technique": "head_pruning", "heads_removed": 0.5}
QUICK: Json = {"inputs": [{"kind": "text", "tokens": 8}], "repeats": 1}


@pytest.fixture
def state(stores: Stack, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """Return a state of its own, to which this process is a worker that holds no model as a whole."""
    settings = {
        **stores.settings,
        "MODELPRESS_REDIS_URL": f"{redis_url.rpartition('/')[0]}/9",
        "MODELPRESS_BUCKET": f"streamed-{uuid4().hex[:12]}",
        "MODELPRESS_STREAM_ABOVE_BYTES": "0",
        "MODELPRESS_TEMP_DIR": str(tmp_path / "scratch"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    state = State.open(StateSettings.from_env())
    state.redis.flushdb()
    state.store.ensure_bucket()
    yield state
    state.redis.flushdb()
    state.redis.close()


@pytest.fixture
def model(state: State, tmp_path: Path) -> str:
    """Return where a tiny model in several files is in a bucket."""
    tiny("bert").save_pretrained(tmp_path / "model", max_shard_size="20KB")
    bucket = state.store.in_bucket("streamed-models")
    bucket.ensure_bucket()
    put_folder(bucket, tmp_path / "model", "tiny")
    return "s3://streamed-models/tiny"


def ended(state: State, kind: str, **request: Json) -> Job:
    """Return a job of that kind once this process has run it."""
    job = state.ledger.accept(TENANT, kind, request | {"profile": QUICK})
    run_job(job.id)
    found = state.ledger.show(TENANT, job.id)
    assert found is not None
    return found


def test_a_job_goes_by_layers_from_bucket_to_bucket(state: State, model: str, tmp_path: Path) -> None:
    """Layer by layer is told, the report has no times, and the files that the manifest lists open and verify."""
    job = ended(state, "compression", model={"uri": model}, steps=[HEADS])
    manifest, report = state.ledger.manifest(TENANT, job.id), state.ledger.report(TENANT, job.id)
    messages = [each["message"] for each in state.events.page(job.id, limit=1000)]
    for each in manifest["files"]:
        state.store.download_file(state.ledger.artifact_key(TENANT, job.id, each["path"]), tmp_path / each["path"])
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    assert job.state is JobState.SUCCEEDED
    assert "by layers" in messages
    assert report["compressed"]["inputs"][0]["latency_ms"] is None
    assert report["compressed"]["params_total"] < report["dense"]["params_total"]
    assert [each["path"] for each in manifest["files"] if each["path"].startswith("model-")][1:]
    assert verify(tmp_path).exact


def test_a_plan_goes_by_layers_too(state: State, model: str) -> None:
    """It has the figures, and no files."""
    job = ended(state, "plan", model={"uri": model}, steps=[HEADS])

    assert state.ledger.report(TENANT, job.id)["exact"]
    assert state.ledger.manifest(TENANT, job.id)["files"] == []


def test_what_takes_the_whole_model_is_held_in_memory(state: State, model: str) -> None:
    """The job succeeds, is timed, and its events say why it did not go by layers."""
    step = {"technique": "weight_pruning", "sparsity": 0.5, "scope": "global"}
    job = ended(state, "compression", model={"uri": model}, steps=[step])
    messages = [each["message"] for each in state.events.page(job.id, limit=1000)]

    assert job.state is JobState.SUCCEEDED
    assert any(text.startswith("held in memory as a whole: ") and "scope layer" in text for text in messages)
    assert state.ledger.report(TENANT, job.id)["speedup"]


def test_a_job_that_cannot_be_done_says_so(state: State, model: str) -> None:
    """A step that changes nothing ends the job with the code that it has in memory."""
    job = ended(state, "compression", model={"uri": model}, steps=[{"technique": "ffn_pruning", "units_kept": 1000}])

    assert job.state is JobState.FAILED
    assert (job.error["code"], job.error["stage"]) == ("nothing_changed", "compress")
