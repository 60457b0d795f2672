"""The compose file's own commands, environment and files, without containers, on a real Redis and a real S3 store."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from composed import Composed
from redis.exceptions import AuthenticationError, NoPermissionError
from tiny import tiny
from waiting import wait

from deploy.embedded.stack import MODELS_BUCKET, Stack
from jobs.state.storage import S3Store

PROFILE = {"inputs": [{"kind": "text", "batch_size": 1, "tokens": 8}], "threads": 1, "repeats": 2}
WORKING = ("worker", "janitor", "courier")
FORBIDDEN = (
    *("FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET dir", "CONFIG SET dir /", "SHUTDOWN", "SAVE", "SCRIPT FLUSH"),
    *("ACL LIST", "ACL WHOAMI", "CLIENT LIST", "CLIENT KILL ID 1", "MONITOR", "SWAPDB 0 1", "MODULE LIST"),
    *("SLAVEOF NO ONE", "MIGRATE h 1 k 0 1", "RESTORE k 0 x", "SORT k", "RANDOMKEY", "DBSIZE", "SCAN 0", "PUBLISH a b"),
    *("GET others", "SET others 1", "EVAL return(1) 1 others"),
)


@pytest.fixture(scope="module")
def composed(root: Path, stores: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Return what compose starts, with a bucket of its own, which is made, and Redis and the service running."""
    mine = {**stores.settings, "MODELPRESS_BUCKET": f"composed-{uuid4().hex[:8]}"}
    composed = Composed(root, tmp_path_factory.mktemp("composed"), mine)
    try:
        assert "will do" in composed.run("bucket")
        composed.start("redis", "service")
        yield composed
    finally:
        composed.stop()


@pytest.fixture(scope="module")
def key(composed: Composed) -> str:
    """Return an API key, made by the command that the compose file names."""
    return composed.run("service", "python", "-m", "service.keys", "create", "--tenant", "crew").strip()


@pytest.fixture(scope="module")
def model(stores: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URI of a tiny model."""
    folder, bucket = tmp_path_factory.mktemp("model"), stores.store(MODELS_BUCKET)
    tiny("bert").save_pretrained(folder)
    for file in folder.iterdir():
        bucket.upload_file(f"composed/{file.name}", file)
    return f"s3://{MODELS_BUCKET}/composed"


def test_a_job_goes_through(composed: Composed, key: str, model: str) -> None:
    """A job that is accepted ends well, with everything as compose starts it, and health checks find all of it well."""
    composed.start(*WORKING)
    status, job = composed.call("POST", "/v1/profiles", key, {"model": {"uri": model}, "profile": PROFILE})
    wait(lambda: composed.call("GET", f"/v1/jobs/{job['id']}?wait=10", key)[1]["terminal"])
    well = [name for name in ("service", *WORKING) if composed.well(name)]
    composed.stop(*WORKING)
    ended = composed.call("GET", f"/v1/jobs/{job['id']}", key)[1]

    assert status == 202
    assert (ended["state"], ended["error"]) == ("succeeded", None)
    assert well == ["service", *WORKING]


def test_the_collector_goes_round(composed: Composed) -> None:
    """The collector's command finds nothing to let go, and says so."""
    assert "Nothing was changed" in composed.run("janitor", "python", "-m", "jobs.collector")


def test_metrics_are_opened_by_the_token(composed: Composed) -> None:
    """Prometheus is told that Redis answers."""
    status, text = composed.call("GET", "/metrics", composed.given["MODELPRESS_METRICS_TOKEN"])

    assert status == 200
    assert "modelpress_redis_up 1.0" in text


@pytest.mark.parametrize("command", FORBIDDEN)
@pytest.mark.parametrize("user", ["service", "worker", "courier", "metrics"])
def test_redis_lets_nobody_do_more_than_they_must(composed: Composed, user: str, command: str) -> None:
    """No process may look around in Redis, empty it, change it or touch what is not ModelPress's."""
    with composed.redis(user) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split(" "))


@pytest.mark.parametrize("user", ["default", "service"])
def test_redis_asks_for_a_password(composed: Composed, user: str) -> None:
    """A user without the right password is let in no more than the one that Redis has by itself."""
    with composed.redis(user) as client:
        client.connection_pool.connection_kwargs["password"] = "guessed"

        with pytest.raises(AuthenticationError):
            client.ping()


def test_only_workers_write_what_workers_say(composed: Composed) -> None:
    """The service may not pass itself off as a worker, and who scrapes may read no key."""
    with composed.redis("service") as service, pytest.raises(NoPermissionError):
        service.hset("rq:worker:me", "state", "idle")
    with composed.redis("metrics") as metrics, pytest.raises(NoPermissionError):
        metrics.get("modelpress:counted")


def test_everything_is_there_after_a_restore(composed: Composed, key: str, model: str, tmp_path: Path) -> None:
    """From a copy of the bucket, and with an empty Redis, keys, ended jobs and waiting jobs are all there again."""
    body = {"model": {"uri": model}, "profile": PROFILE, "labels": {"drill": "waits"}}
    waiting = composed.call("POST", "/v1/profiles", key, body)[1]
    before = composed.call("GET", "/v1/jobs", key)[1]["data"]
    bucket = f"restored-{uuid4().hex[:8]}"
    copy_bucket(S3Store.from_settings(composed.state("service")), bucket)
    restored = composed.again(tmp_path, bucket)
    try:
        restored.run("bucket")
        restored.start("redis", "service", "janitor")
        with restored.redis("worker") as queue:
            wait(lambda: queue.llen("rq:queue:modelpress"))
        after = restored.call("GET", "/v1/jobs", key)[1]["data"]
    finally:
        restored.stop()

    assert len(before) == 2
    assert [(job["id"], job["state"], job["labels"]) for job in after] == [
        (job["id"], job["state"], job["labels"]) for job in before
    ]
    assert after[0]["id"] == waiting["id"]


def copy_bucket(source: S3Store, name: str) -> None:
    """Copy every object to the bucket *name*, as a backup does."""
    target = source.in_bucket(name)
    target.ensure_bucket()
    for found in source.list(""):
        target.put(found.key, source.get(found.key))
