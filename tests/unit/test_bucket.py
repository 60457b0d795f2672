"""Whether a store will do for a ledger, on stores that will and on others that will not."""

import itertools
import threading

import pytest

from jobs.adapters.memory import MemoryStore
from jobs.bucket import UnfitStoreError, try_store


class Hasty(MemoryStore):
    """A store that looks whether an object is there, and then writes: as those do whose conditions are not atomic."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = threading.Barrier(2)

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Write where there was nothing when all looked."""
        absent = self.head(key) is None
        self._looked.wait(timeout=10)
        if absent:
            self.put(key, body)
        return absent


class Forgetful(MemoryStore):
    """A store that keeps something else than what the first of several wrote."""

    _numbers = itertools.count()

    def get(self, key: str) -> bytes:
        """Return something new every time."""
        return str(next(self._numbers)).encode() + super().get(key)


def test_a_store_whose_condition_is_atomic_will_do() -> None:
    """Nothing is said, and nothing is left behind."""
    store = MemoryStore()

    try_store(store, rounds=3)

    assert list(store.list("")) == []


def test_a_store_that_lets_two_create_the_same_will_not_do() -> None:
    """The error says what the store did, and what to look for in another; nothing is left behind."""
    store = Hasty()

    with pytest.raises(UnfitStoreError, match="told 2 that they did; expected was one"):
        try_store(store, rounds=1, writers=2)
    assert list(store.list("")) == []


def test_a_store_that_does_not_read_what_was_written_will_not_do() -> None:
    """What is read must be what was written."""
    with pytest.raises(UnfitStoreError, match="not consistent"):
        try_store(Forgetful(), rounds=1)
