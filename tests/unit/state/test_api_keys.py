"""API keys: shown once, stored as a hash, checked with and without Redis."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import InvalidRequestError
from jobs.state.keys import EVERYTHING, USED, Keys, Scope

DAY = timedelta(days=1)


@pytest.fixture
def keys(memory: MemoryStore, redis: Redis, clock: Clock) -> Keys:
    """Return an empty keyring."""
    return Keys(memory, redis, clock)


def opened(keys: Keys, key: str) -> str | None:
    """Return whose door *key* opens."""
    found = keys.identify(key)
    return found.tenant if found else None


def test_a_key_opens_the_door_of_its_tenant(keys: Keys) -> None:
    """A new key authenticates, now from the store and then from Redis."""
    key = keys.create("acme", "laptop")

    assert [opened(keys, key), opened(keys, key)] == ["acme", "acme"]


def test_the_secret_is_nowhere(keys: Keys, memory: MemoryStore, redis: Redis) -> None:
    """Neither store nor Redis holds the secret part of a key."""
    key = keys.create("acme", "laptop")
    keys.identify(key)
    secret = key.split("_", 2)[2]

    stored = [memory.get(each.key).decode() for each in memory.list("")]
    cached = [redis.get(name) for name in redis.keys("modelpress:remembered:*")] + redis.hvals(USED)
    assert len(stored) == len(cached) - 1 == len(redis.keys("*")) - 1 == 1
    assert not any(secret in text for text in stored + cached)


@pytest.mark.parametrize("spoil", [lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), str.lower, lambda key: ""])
def test_a_wrong_key_opens_nothing(keys: Keys, spoil: Callable[[str], str]) -> None:
    """A key with a wrong secret, in another form or empty, belongs to nobody."""
    assert keys.identify(spoil(keys.create("acme", "laptop"))) is None


def test_an_unknown_id_opens_nothing(keys: Keys) -> None:
    """A well-formed key that was never made belongs to nobody."""
    key = keys.create("acme", "laptop")

    assert keys.identify(key.replace(key[3:29], "0" * 26)) is None


def test_a_revoked_key_closes(keys: Keys, redis: Redis) -> None:
    """A removed key stops working, with Redis as it is and with an empty one."""
    key = keys.create("acme", "laptop")
    keys.identify(key)
    keys.revoke(key)
    at_once = keys.identify(key)
    redis.flushdb()

    assert (at_once, keys.identify(key)) == (None, None)


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

    assert opened(keys, keys.create("acme", "laptop")) == "acme"


@pytest.mark.parametrize("tenant", ["", "../x", "Acme", "a/b", "a" * 64])
def test_a_tenant_must_be_a_plain_name(keys: Keys, tenant: str) -> None:
    """A tenant's name becomes part of keys in the store, so it is plain."""
    with pytest.raises(InvalidRequestError, match="tenant"):
        keys.create(tenant, "laptop")


def test_a_key_says_what_it_may_do(keys: Keys) -> None:
    """A key has the scopes that it was made with, and all where none was named."""
    some = keys.identify(keys.create("acme", "viewer", scopes=[Scope.READ]))
    every = keys.identify(keys.create("acme", "laptop"))

    assert some is not None
    assert every is not None
    assert (some.scopes, every.scopes) == ({Scope.READ}, EVERYTHING)


def test_a_key_from_before_there_were_scopes_may_do_everything(keys: Keys, memory: MemoryStore, redis: Redis) -> None:
    """A record with neither scopes nor an end is a key as good as on the day when it was made."""
    key = keys.create("acme", "laptop")
    name = next(each.key for each in memory.list("keys/"))
    record = json.loads(memory.get(name))
    memory.put(name, json.dumps({each: record[each] for each in ("tenant", "name", "sha256", "created_at")}).encode())
    redis.flushdb()
    found = keys.identify(key)

    assert found is not None
    assert (found.tenant, found.scopes, found.expires_at) == ("acme", EVERYTHING, None)


def test_a_key_ends_with_its_time(keys: Keys, clock: Clock) -> None:
    """A key with a term opens the door until it is over, and is still listed afterwards."""
    key = keys.create("acme", "laptop", lasts=DAY)
    clock.pass_seconds(DAY.total_seconds() - 1)
    before = opened(keys, key)
    clock.pass_seconds(1)

    assert (before, opened(keys, key)) == ("acme", None)
    assert [each.ended(clock()) for each in keys.all()] == [True]


def test_a_rotated_key_goes_on_for_a_while(keys: Keys, clock: Clock) -> None:
    """The new key may do what the old one may; both are good for the time of grace, then only the new one."""
    old = keys.create("acme", "laptop", scopes=[Scope.READ])
    new = keys.rotate(old, DAY)
    both = [keys.identify(each) for each in (old, new)]
    clock.pass_seconds(DAY.total_seconds())

    assert [each and (each.tenant, each.name, each.scopes) for each in both] == [("acme", "laptop", {Scope.READ})] * 2
    assert [opened(keys, old), opened(keys, new)] == [None, "acme"]


def test_rotation_prolongs_nothing_but_the_new_key(keys: Keys, clock: Clock) -> None:
    """An old key that would end sooner ends then; the new one lasts as long as the old one was made to."""
    old = keys.create("acme", "laptop", lasts=2 * DAY)
    clock.pass_seconds(1.5 * DAY.total_seconds())
    new = keys.rotate(old, 7 * DAY)
    ends = {each.key_id: each.expires_at for each in keys.all()}

    assert ends[old.split("_")[1]] == clock() + DAY / 2
    assert ends[new.split("_")[1]] == clock() + 2 * DAY


@pytest.mark.parametrize("key", ["", "0" * 26, "mp_nonsense"])
def test_only_a_good_key_is_rotated(keys: Keys, key: str) -> None:
    """A key that is not there has no successor."""
    with pytest.raises(InvalidRequestError, match="key that is good"):
        keys.rotate(key, DAY)


def test_use_is_noted_by_the_minute(keys: Keys, clock: Clock) -> None:
    """The time of a key's last use is known to within a minute; one that was never used has none."""
    key, idle = keys.create("acme", "laptop"), keys.create("acme", "spare").split("_")[1]
    key_id, first = key.split("_")[1], clock()
    moments = []
    for seconds in (0, 59, 1):
        clock.pass_seconds(seconds)
        keys.identify(key)
        moments.append(keys.last_used(key_id))

    assert moments == [first, first, first + timedelta(minutes=1)]
    assert keys.last_used(idle) is None
