"""What compose and Kubernetes start, by their own commands and environment, on a real Redis and a real S3 store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import composition
import manifests
import pytest
from installation import Installation
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


def settings(stores: Stack) -> dict[str, str]:
    """Return how to reach the store, with a bucket of one's own, which is not made yet."""
    reached = {name: value for name, value in stores.settings.items() if "S3" in name}
    return {**reached, "MODELPRESS_BUCKET": f"installed-{uuid4().hex[:8]}"}


@pytest.fixture(scope="module")
def composed(root: Path, stores: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return what compose starts, with its bucket made, and with Redis and the service running."""
    parts = composition.parts(root, settings(stores))
    composed = Installation(root, tmp_path_factory.mktemp("composed"), parts)
    try:
        assert "will do" in composed.run("bucket")
        composed.start("redis", "service")
        yield composed
    finally:
        composed.stop()


@pytest.fixture(scope="module")
def key(composed: Installation) -> str:
    """Return an API key, made by the command that the compose file names."""
    return composed.run("service", "python", "-m", "service.keys", "create", "--tenant", "crew").strip()


@pytest.fixture(scope="module")
def model(stores: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URI of a tiny model."""
    folder, bucket = tmp_path_factory.mktemp("model"), stores.store(MODELS_BUCKET)
    tiny("bert").save_pretrained(folder)
    for file in folder.iterdir():
        bucket.upload_file(f"installed/{file.name}", file)
    return f"s3://{MODELS_BUCKET}/installed"


def test_a_job_goes_through(composed: Installation, key: str, model: str) -> None:
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


def test_metrics_are_opened_by_the_token(composed: Installation) -> None:
    """Prometheus is told that Redis answers."""
    token = composed.parts["service"].environment["MODELPRESS_METRICS_TOKEN"]
    status, text = composed.call("GET", "/metrics", token)

    assert status == 200
    assert "modelpress_redis_up 1.0" in text


@pytest.mark.parametrize("command", FORBIDDEN)
@pytest.mark.parametrize("user", ["service", "worker", "courier", "metrics"])
def test_redis_lets_nobody_do_more_than_they_must(composed: Installation, user: str, command: str) -> None:
    """No process may look around in Redis, empty it, change it or touch what is not ModelPress's."""
    with composed.redis(user) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split(" "))


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("service", "HSET rq:worker:me state idle"),  # passes itself off as a worker
        ("courier", "RPUSH rq:queue:modelpress job"),  # has workers do something
        ("courier", "GET modelpress:remembered:keys"),  # learns who may call
        ("metrics", "GET modelpress:counted"),  # reads anything at all
    ],
)
def test_redis_lets_nobody_do_what_others_must(composed: Installation, user: str, command: str) -> None:
    """What is another's to do is refused, whoever is broken into."""
    with composed.redis(user) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command.split(" "))


@pytest.mark.parametrize("user", ["default", "service"])
def test_redis_asks_for_a_password(composed: Installation, user: str) -> None:
    """A user without the right password is let in no more than the one that Redis has by itself."""
    with composed.redis(user) as client:
        client.connection_pool.connection_kwargs["password"] = "guessed"

        with pytest.raises(AuthenticationError):
            client.ping()


@dataclass(frozen=True)
class Restored:
    """What came of a drill: another installation on a copy of the bucket, and what the first one knew."""

    installation: Installation
    waiting: str
    before: list[dict[str, Any]]


@pytest.fixture(scope="module")
def restored(
    composed: Installation, key: str, model: str, stores: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Restored]:
    """Return what Kubernetes' manifests start, on a copy of the bucket alone, made while a job waits."""
    body = {"model": {"uri": model}, "profile": PROFILE, "labels": {"drill": "waits"}}
    waiting = composed.call("POST", "/v1/profiles", key, body)[1]["id"]
    before = composed.call("GET", "/v1/jobs", key)[1]["data"]
    given = settings(stores)
    back_up(S3Store.from_settings(composed.state("service")), given["MODELPRESS_BUCKET"])
    parts = manifests.parts(Path(__file__).parents[2], "cpu", given)
    installation = Installation(Path(__file__).parents[2], tmp_path_factory.mktemp("restored"), parts)
    try:
        assert "will do" in installation.run("bucket")
        installation.start("redis", "service", "janitor")
        yield Restored(installation, waiting, before)
    finally:
        installation.stop()


def back_up(source: S3Store, name: str) -> None:
    """Copy to the bucket *name* what is open, and then all that was there by then, as `docs/operations.md` has it."""
    target = source.in_bucket(name)
    target.ensure_bucket()
    for found in (*source.list("open/"), *source.list("")):
        target.put(found.key, source.get(found.key))


def test_everything_is_there_after_a_restore(restored: Restored, key: str) -> None:
    """Keys open, ended jobs are what they were, and what waited is on the queue again."""
    with restored.installation.redis("worker") as queue:
        wait(lambda: queue.llen("rq:queue:modelpress"))
        (entry,) = queue.lrange("rq:queue:modelpress", 0, -1)
    after = restored.installation.call("GET", "/v1/jobs", key)[1]["data"]

    def shown(jobs: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
        return {job["id"]: (job["state"], job["labels"]) for job in jobs}

    assert shown(after) == shown(restored.before)
    assert str(entry).startswith(restored.waiting)


@pytest.mark.slow
def test_what_waited_is_done_after_a_restore(restored: Restored, key: str) -> None:
    """Worker, courier and collector run as Kubernetes starts them, and its probes find them well."""
    installation, path = restored.installation, f"/v1/jobs/{restored.waiting}"
    installation.start("worker", "courier")
    wait(lambda: installation.call("GET", f"{path}?wait=10", key)[1]["terminal"])
    ended = installation.call("GET", path, key)[1]

    assert (ended["state"], ended["labels"]) == ("succeeded", {"drill": "waits"})
    assert [name for name in WORKING if installation.well(name)] == list(WORKING)
    assert "Deleted." in installation.run("collector")
