"""The embedded Redis and S3 store, really started."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from botocore.exceptions import ClientError

from deploy.embedded.stack import Stack
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store, s3_client


def test_redis_refuses_a_caller_without_the_password(redis_url: str) -> None:
    """Redis on loopback answers only those who know its password."""
    stranger = redis.Redis.from_url("redis://" + redis_url.partition("@")[2])

    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_redis_keeps_every_write(redis_url: str) -> None:
    """Redis appends its writes to a file."""
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_the_store_refuses_a_wrong_secret(s3_settings: StateSettings) -> None:
    """A request signed with another secret is refused."""
    client = s3_client(dataclasses.replace(s3_settings, s3_secret_key="guess"))

    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.list_buckets()


def test_one_of_many_concurrent_creations_wins(store: S3Store) -> None:
    """Of eight create-only writes of one key at the same moment exactly one succeeds."""
    for turn in range(5):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda _, key=f"race/{turn}": store.put_if_absent(key, b"x"), range(8)))

        assert won.count(True) == 1


def test_starting_twice_changes_nothing(stores: Stack) -> None:
    """Starting what runs leaves every process as it is."""
    before = stores.processes.records()
    stores.start_stores()

    assert stores.processes.records() == before
