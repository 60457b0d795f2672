"""Small documents that many requests read."""

import pytest
from redis import Redis

from jobs.adapters.memory import MemoryStore
from jobs.contract.spec import Json
from jobs.state.documents import UnreadableDocumentError
from jobs.state.remembered import HELD_S, Remembered

KEY = "keys/one.json"


def made(key: str, document: Json) -> Json:
    """Return what is made of a document here: itself."""
    return document


class Watch:
    """A stopwatch that only moves when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the time [s]."""
        return self.seconds


def test_a_change_is_seen_at_once_where_it_is_made_and_soon_everywhere(memory: MemoryStore, redis: Redis) -> None:
    """Another process goes on with what it has just read for a second, and then reads anew."""
    watch = Watch()
    here, there = (Remembered(memory, redis, made, watch) for _ in range(2))
    here.write(KEY, {"n": 1})
    before = there.read(KEY)
    here.write(KEY, {"n": 2})
    at_once = (here.read(KEY), there.read(KEY))
    watch.seconds += HELD_S

    assert before == {"n": 1}
    assert at_once == ({"n": 2}, {"n": 1})
    assert there.read(KEY) == {"n": 2}


def test_what_is_deleted_is_gone(memory: MemoryStore, redis: Redis) -> None:
    """Its absence is held as it was held itself, and no longer."""
    watch = Watch()
    here, there = (Remembered(memory, redis, made, watch) for _ in range(2))
    here.write(KEY, {"n": 1})
    there.read(KEY)
    here.delete(KEY)
    watch.seconds += HELD_S

    assert (here.read(KEY), there.read(KEY)) == (None, None)


def test_what_was_just_read_is_not_asked_for_again(memory: MemoryStore) -> None:
    """For a second neither Redis nor the store is needed."""
    with Redis(port=1, decode_responses=True) as nowhere:
        remembered = Remembered(memory, nowhere, made, Watch())
        remembered.write(KEY, {"n": 1})
        memory.delete(KEY)

        assert remembered.read(KEY) == {"n": 1}


def test_what_nobody_can_make_anything_of_is_not_held(memory: MemoryStore, redis: Redis) -> None:
    """Whoever mends it is heard at once, not when it would have been forgotten."""
    remembered = Remembered(memory, redis, made, Watch())
    memory.put(KEY, b"not JSON")
    with pytest.raises(UnreadableDocumentError, match=KEY):
        remembered.read(KEY)
    memory.put(KEY, b'{"n": 1}')

    assert remembered.read(KEY) == {"n": 1}
