"""API keys: shown once, stored as a hash, checked with and without Redis."""

from collections.abc import Callable

import pytest
from redis import Redis

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import InvalidRequestError
from jobs.state.keys import Keys


@pytest.fixture
def keys(memory: MemoryStore, redis: Redis) -> Keys:
    """Return an empty keyring."""
    return Keys(memory, redis)


def test_a_key_opens_the_door_of_its_tenant(keys: Keys) -> None:
    """A new key authenticates, now from the store and then from Redis."""
    key = keys.create("acme", "laptop")

    assert [keys.authenticate(key), keys.authenticate(key)] == ["acme", "acme"]


def test_the_secret_is_nowhere(keys: Keys, memory: MemoryStore, redis: Redis) -> None:
    """Neither store nor Redis holds the secret part of a key."""
    key = keys.create("acme", "laptop")
    keys.authenticate(key)
    secret = key.split("_", 2)[2]

    stored = [memory.get(each.key).decode() for each in memory.list("")]
    cached = [redis.get(name) for name in redis.keys("*")]
    assert len(stored) == len(cached) == 1
    assert not any(secret in text for text in stored + cached)


@pytest.mark.parametrize("spoil", [lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), str.lower, lambda key: ""])
def test_a_wrong_key_opens_nothing(keys: Keys, spoil: Callable[[str], str]) -> None:
    """A key with a wrong secret, in another form or empty, belongs to nobody."""
    assert keys.authenticate(spoil(keys.create("acme", "laptop"))) is None


def test_an_unknown_id_opens_nothing(keys: Keys) -> None:
    """A well-formed key that was never made belongs to nobody."""
    key = keys.create("acme", "laptop")

    assert keys.authenticate(key.replace(key[3:29], "0" * 26)) is None


def test_a_revoked_key_closes(keys: Keys, redis: Redis) -> None:
    """A removed key stops working once Redis has forgotten it."""
    key = keys.create("acme", "laptop")
    keys.authenticate(key)
    keys.revoke(key)
    redis.flushdb()

    assert keys.authenticate(key) is None


def test_an_id_leads_to_its_holder_while_the_key_lasts(keys: Keys, redis: Redis) -> None:
    """Who holds a key is found by its id as by the key itself, until it is revoked; a made-up id leads nowhere."""
    key = keys.create("acme", "laptop")
    key_id = key.split("_")[1]
    found = keys.holder(key_id)
    keys.revoke(key)
    redis.flushdb()

    assert found is not None
    assert (found.key_id, found.tenant) == (key_id, "acme")
    assert found.sha256 not in repr(found)
    assert [keys.holder(each) for each in (key_id, "0" * 26, "", "../x")] == [None] * 4


def test_keys_work_without_redis(memory: MemoryStore) -> None:
    """A Redis that is away slows the check down and no more."""
    keys = Keys(memory, Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True))

    assert keys.authenticate(keys.create("acme", "laptop")) == "acme"


@pytest.mark.parametrize("tenant", ["", "../x", "Acme", "a/b", "a" * 64])
def test_a_tenant_must_be_a_plain_name(keys: Keys, tenant: str) -> None:
    """A tenant's name becomes part of keys in the store, so it is plain."""
    with pytest.raises(InvalidRequestError, match="tenant"):
        keys.create(tenant, "laptop")
