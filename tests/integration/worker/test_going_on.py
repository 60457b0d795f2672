"""A worker that does real work is told to stop, and another one goes on where it was."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import TENANT, Bench, wait

from jobs.contract.state import JobState
from jobs.state.records import Job
from tests.e2e.tiny_folders import put_folder, write_data, write_model

REAL = Path(__file__).parents[3] / "jobs" / "worker.py"
STEPS = [
    {"technique": "head_pruning", "heads_removed": 0.5, "score": "l1"},
    {"technique": "distillation", "layers_kept": 1, "steps": 400, "batch_size": 4, "checkpoint_every": 20},
    {"technique": "ffn_pruning", "units_removed": 0.5},
]


@pytest.fixture
def request_(bench: Bench, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Return a request whose model and data are in the bucket; afterwards no worker is left."""
    put_folder(bench.state.store.in_bucket("bench-models"), write_model("bert", tmp_path / "model"), "bert")
    put_folder(bench.state.store.in_bucket("bench-models"), write_data("bert", tmp_path / "data"), "sentences")
    yield {
        "model": {"uri": "s3://bench-models/bert"},
        "data": {"uri": "s3://bench-models/sentences"},
        "steps": STEPS,
        "profile": {"inputs": [{"kind": "text", "tokens": 8}], "repeats": 1},
    }
    bench.stop()
    bench.workers.clear()


def submit(bench: Bench, request: dict[str, Any]) -> Job:
    """Accept and enqueue a compression."""
    job = bench.state.ledger.accept(TENANT, "compression", request)
    bench.state.queue.enqueue(job)
    return job


def stages_of(bench: Bench, job: Job, *, after: str = "") -> list[str]:
    """Return the stages that the job's events tell of."""
    return [each["stage"] for each in bench.state.events.page(job.id, after=after, limit=1000) if each["stage"]]


def hashes(bench: Bench, job: Job) -> dict[str, str]:
    """Return the hashes of the files that say nothing of how long it took."""
    manifest = bench.state.ledger.manifest(TENANT, job.id)
    told = {"README.md", "compression.json"}
    return {each["path"]: each["sha256"] for each in manifest["files"] if each["path"] not in told}


def test_another_worker_goes_on(bench: Bench, request_: dict[str, Any]) -> None:
    """SIGTERM in the second of three steps: the next worker does neither the first nor the learning behind it again."""
    settings = {"MODELPRESS_CHECKPOINT_AFTER_S": "0"}
    first = bench.start_worker(program=REAL, **settings)
    straight = bench.wait_ended(submit(bench, request_))
    job = submit(bench, request_)
    wait(lambda: stages_of(bench, job).count("distillation") > 2)
    first.send_signal(signal.SIGTERM)

    assert first.wait(timeout=120) == 0
    handed_over = bench.job(job)
    last = bench.state.events.latest(job.id, limit=1)[0]["id"]
    assert (handed_over.state, handed_over.max_attempts) == (JobState.QUEUED, 4)
    bench.start_worker(program=REAL, **settings)
    ended = bench.wait_ended(job)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 2)
    assert hashes(bench, job) == hashes(bench, straight)
    assert "head_pruning" not in stages_of(bench, job, after=last)
    notes = bench.state.ledger.report(TENANT, job.id)["steps"][1]["notes"]
    assert any("interrupted, and went on after" in note for note in notes)
