"""One bench a module, on a Redis database and in a bucket of its own."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from bench import Bench

from deploy.embedded.stack import Stack
from jobs.state.storage import S3Store


@pytest.fixture(scope="module")
def bench(stores: Stack, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a bench whose workers take over after 3 silent seconds."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    folder = tmp_path_factory.mktemp("bench")
    bench = Bench(
        {
            **stores.settings,
            "MODELPRESS_REDIS_URL": f"{redis_url.rpartition('/')[0]}/{1 + worker % 15}",
            "MODELPRESS_BUCKET": f"bench-{uuid4().hex[:12]}",
            "MODELPRESS_LEASE_S": "3",
            "MODELPRESS_HEARTBEAT_S": "1",
            "MODELPRESS_CANCEL_GRACE_S": "1",
            "MODELPRESS_STOP_GRACE_S": "20",
            "MODELPRESS_RETRY_DELAY_S": "0",
            "MODELPRESS_TEMP_DIR": str(folder / "scratch"),
        },
        folder,
    )
    bench.state.redis.flushdb()
    bench.state.store.ensure_bucket()
    _put_model(bench.state.store)
    yield bench
    bench.stop()
    bench.state.redis.flushdb()


@pytest.fixture(autouse=True)
def _no_marks(bench: Bench) -> None:
    for mark in bench.folder.glob("mark*"):
        mark.unlink()


def _put_model(store: S3Store) -> None:
    models = store.in_bucket("bench-models")
    models.ensure_bucket()
    models.put("tiny/config.json", b"{}")
    models.put("tiny/model.safetensors", b"weights")
