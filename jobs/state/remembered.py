"""Small documents that many requests read: the store keeps them, Redis remembers each for a minute, or its absence.

A process that has just read one takes it as it was for a second more.
"""

import time
from collections.abc import Callable
from typing import Any

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


class Remembered:
    """Reads, writes and deletes JSON documents by key; a Redis that is away slows it down and no more.

    Args:
        store: where they are.
        redis: a client that decodes its responses.
        monotonic: tells the time [s].
    """

    def __init__(self, store: ObjectStore, redis: "Redis", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._redis = redis
        self._monotonic = monotonic
        self._held: dict[str, tuple[float, str]] = {}

    def read(self, key: str, *, seek: bool = True) -> Json | None:
        """Return the document, or None: also where it would have to be sought in the store, and is not to be.

        Raises:
            UnreadableDocumentError: what is there is no document.
        """
        text = self._at_hand(key) or self._cached(key)
        if text is None and not seek:
            return None
        if text is not None:
            return _parsed(text, key)
        text = self._stored(key)
        document = _parsed(text, key)
        self._keep(key, text)
        return document

    def write(self, key: str, document: Json) -> None:
        """Write the document, over whatever was there."""
        body = canonical_json(document)
        self._store.put(key, body)
        self._keep(key, body.decode())

    def delete(self, key: str) -> None:
        """Remove the document if it exists."""
        self._store.delete(key)
        self._keep(key, _ABSENT)

    def _at_hand(self, key: str) -> str | None:
        until, text = self._held.get(key, (0.0, ""))
        return text if self._monotonic() < until else None

    def _hold(self, key: str, text: str) -> None:
        if len(self._held) >= _HELD_MAX:
            self._held.clear()
        self._held[key] = (self._monotonic() + HELD_S, text)

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
        if not isinstance(text, str):
            return None
        self._hold(key, text)
        return text

    def _keep(self, key: str, text: str) -> None:
        self._hold(key, text)
        try:
            with redis_errors():
                self._redis.set(_cache_key(key), text, ex=CACHE_S)
        except QueueError:
            return  # the store knows it: that is enough


def _parsed(text: str, key: str) -> Json | None:
    return None if text == _ABSENT else parse_document(text, key)


def _cache_key(key: str) -> str:
    return f"modelpress:remembered:{key}"
