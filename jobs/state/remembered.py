"""Small documents that many requests read: the store keeps them, Redis remembers each for a minute, or its absence.

A process that has just read one takes it as it was for a second more.
"""

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from redis import Redis

from jobs.contract.errors import QueueError
from jobs.contract.spec import Json, canonical_json
from jobs.state.documents import parse_document
from jobs.state.events import redis_errors
from jobs.state.objects import ObjectMissingError, ObjectStore

CACHE_S = 60
"""How long a document that was changed elsewhere may still be read as it was [s]."""
HELD_S = 1.0
"""How long a process holds what it has read: a change by another is seen by all within this time [s]."""
_HELD_MAX = 10_000
_ABSENT = "null"
T = TypeVar("T")


class Remembered(Generic[T]):
    """Reads, writes and deletes JSON documents by key; a Redis that is away slows it down and no more.

    Args:
        store: where they are.
        redis: a client that decodes its responses.
        make: what to make of a document at a key; whoever reads it gets the same value, and leaves it as it is.
        monotonic: tells the time [s].
    """

    def __init__(
        self,
        store: ObjectStore,
        redis: "Redis",
        make: Callable[[str, Json], T],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._redis = redis
        self._make = make
        self._monotonic = monotonic
        self._held: dict[str, tuple[float, T | None]] = {}

    def read(self, key: str, *, seek: bool = True) -> T | None:
        """Return what the document says, or None: also where the store would have to be asked, and is not to be.

        Raises:
            UnreadableDocumentError: what is there is no document.
        """
        until, value = self._held.get(key, (0.0, None))
        if self._monotonic() < until:
            return value
        text = self._cached(key)
        if text is not None or not seek:
            return None if text is None else self._hold(key, text)
        text = self._stored(key)
        value = self._hold(key, text)
        self._remember(key, text)
        return value

    def write(self, key: str, document: Json) -> None:
        """Write the document, over whatever was there."""
        body = canonical_json(document)
        self._store.put(key, body)
        self._hold(key, body.decode())
        self._remember(key, body.decode())

    def delete(self, key: str) -> None:
        """Remove the document if it exists."""
        self._store.delete(key)
        self._hold(key, _ABSENT)
        self._remember(key, _ABSENT)

    def _hold(self, key: str, text: str) -> T | None:
        value = None if text == _ABSENT else self._make(key, parse_document(text, key))
        if len(self._held) >= _HELD_MAX:
            self._held.clear()
        self._held[key] = (self._monotonic() + HELD_S, value)
        return value

    def _stored(self, key: str) -> str:
        try:
            return self._store.get(key).decode(errors="replace")
        except ObjectMissingError:
            return _ABSENT

    def _cached(self, key: str) -> str | None:
        try:
            with redis_errors():
                text: Any = self._redis.get(_cache_key(key))
        except QueueError:
            return None
        return text if isinstance(text, str) else None

    def _remember(self, key: str, text: str) -> None:
        try:
            with redis_errors():
                self._redis.set(_cache_key(key), text, ex=CACHE_S)
        except QueueError:
            return  # the store knows it: that is enough


def _cache_key(key: str) -> str:
    return f"modelpress:remembered:{key}"
