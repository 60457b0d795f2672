"""What must hold after every fault, once things have calmed down."""

import hashlib
import json
import os
from collections.abc import Iterator

from rig import TENANT, Rig
from waiting import marked, parent_of, wait

from jobs.contract.state import JobState
from jobs.quiet import LOCKS
from jobs.state.archive import job_prefix
from jobs.state.retention import Retention


def everything_is_well(rig: Rig) -> None:
    """Hold *rig*, whose janitor runs, to the promise: every accepted job has ended, once, and nothing is left behind.

    What is asserted, for every job that was accepted: it ended, and callers see the end that the store has; its story
    tells of one end; what it published is there, byte for byte, and is that of the attempt that ended it. For all:
    no marker is left, no process without a parent, nothing on the queue, nothing in the workers' scratch folders, and,
    once the collector went round, nothing in the store that attempts have written which came to nothing.
    """
    wait(lambda: not list(rig.state.ledger.open_ids()))
    wait(lambda: not list(_collected(rig)))
    for job_id in rig.accepted:
        _ended_once(rig, job_id)
    wait(lambda: not list(_orphans(rig)))
    wait(lambda: not _queued(rig))
    wait(lambda: not _left_on_disk(rig))


def outcome(rig: Rig, job_id: str) -> dict[str, object]:
    """Return how the job ended, as the store has it."""
    document: dict[str, object] = json.loads(rig.state.store.get(f"{job_prefix(TENANT, job_id)}outcome.json"))
    return document


def story(rig: Rig, job_id: str) -> list[str]:
    """Return the states that the job's events tell of."""
    events = rig.state.events.page(job_id, limit=1000)
    return [each["data"]["state"] for each in events if each["type"] == "state"]


def _ended_once(rig: Rig, job_id: str) -> None:
    job, ending = rig.job(job_id), outcome(rig, job_id)

    assert job.state.terminal
    assert (job.state, job.attempt, job.error) == (ending["state"], ending["attempt"], ending["error"])
    assert [JobState(state).terminal for state in story(rig, job_id)].count(True) == 1
    if job.state is JobState.SUCCEEDED:
        _published(rig, job_id, job.attempt)
    else:
        assert ending["manifest"] is None


def _published(rig: Rig, job_id: str, attempt: int) -> None:
    ledger, store = rig.state.ledger, rig.state.store
    manifest = ledger.manifest(TENANT, job_id)

    assert manifest is not None
    assert ledger.report(TENANT, job_id) is not None
    assert (manifest["job"], manifest["attempt"]) == (job_id, attempt)
    assert outcome(rig, job_id)["manifest"] == f"{job_prefix(TENANT, job_id)}attempts/{attempt}/manifest.json"
    for each in manifest["files"]:
        content = store.get(ledger.artifact_key(TENANT, job_id, each["path"]) or "")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])


def _collected(rig: Rig) -> Iterator[str]:
    """Let go what the collector may, and yield what attempts wrote that no outcome points to, but for their claims."""
    for _ in Retention(rig.state.store, rig.state.redis).collect(delete=True):
        pass
    for job_id in rig.accepted:
        prefix = f"{job_prefix(TENANT, job_id)}attempts/"
        manifest = rig.state.ledger.manifest(TENANT, job_id)
        kept = f"{prefix}{manifest['attempt']}/" if manifest else "nothing"
        for info in rig.state.store.list(prefix):
            if not info.key.endswith("/claim") and not info.key.startswith(kept):
                yield info.key


def _orphans(rig: Rig) -> Iterator[int]:
    """Yield the rig's processes that descend from none that it knows."""
    known = {process.pid for process in rig.processes if process.poll() is None} | {rig.redis.process.pid}
    (mark,) = (f"{name}={value}" for name, value in rig.mark.items())
    for process in marked(mark):
        if not known & set(_line(process)):
            yield process


def _line(process: int | None) -> Iterator[int]:
    while process and process != os.getpid():
        yield process
        process = parent_of(process)


def _queued(rig: Rig) -> list[str]:
    keys = ("rq:queue:modelpress", "rq:queue:modelpress:intermediate")
    return [name for key in keys for name in rig.state.redis.lrange(key, 0, -1)]


def _left_on_disk(rig: Rig) -> list[str]:
    return [path.name for path in rig.scratch.glob("*/*") if path.parent.name != LOCKS]
