"""Requests with an ``Idempotency-Key``: sent again, they are answered with what was made the first time.

Before anything is made, a create-only record below ``tenants/{tenant}/idempotency/`` says which id it will have. Who
dies between the two leaves a record without a thing; the next request with the key makes it, under the same id, so that
nothing is ever made twice. Redis tells that somebody is at it just now. Without Redis two requests at the same moment
both go on, to the same end: what is accepted twice under one id is one job.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from redis import Redis

from jobs.contract.errors import KeyReusedError, ModelPressError, QueueError, RequestInFlightError, StorageError
from jobs.contract.spec import Json, canonical_json, sha256_hex
from jobs.state import records
from jobs.state.documents import making_sense_of, read_document
from jobs.state.events import redis_errors
from jobs.state.objects import ObjectStore

SCHEMA = "modelpress/idempotency/v1"
IN_FLIGHT_S = 5
"""How long a request is taken to be under way whose process may have died [s]: less than a client's own retries."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may come again.

    Attributes:
        what: its method and path.
        identifier: of what it makes, unless an earlier request has begun to.
    """

    tenant: str
    key: str
    what: str
    body: Json
    identifier: str

    @property
    def place(self) -> str:
        """Return where its record is."""
        return f"tenants/{self.tenant}/idempotency/{sha256_hex(self.key.encode())}"

    @property
    def fingerprint(self) -> Json:
        """Return what a repetition has in common with it."""
        return {"request": self.what, "body_sha256": sha256_hex(canonical_json(self.body))}


class Idempotency:
    """Makes once what is asked for several times with one key.

    Args:
        store: keeps the records.
        redis: tells who is at it.
        kept_s: how long a key is remembered [s].
        clock: tells the time.
    """

    def __init__(
        self, store: ObjectStore, redis: "Redis", *, kept_s: float, clock: Callable[[], datetime] = records.utc_now
    ) -> None:
        self._store = store
        self._redis = redis
        self._kept = timedelta(seconds=kept_s)
        self._clock = clock

    def once(self, asked: Asked, *, find: Callable[[str], T | None], make: Callable[[str], T]) -> tuple[T, bool]:
        """Return what *asked* asks for, and whether an earlier request has made it.

        *find* returns the thing with an id, if it is there; *make* makes it.

        Raises:
            KeyReusedError: the key came before with something else.
            RequestInFlightError: somebody is making it.
        """
        with self._alone(asked) as alone:
            record, is_new = self._begun(asked) if alone else (self._read(asked), False)
            if record is None:
                raise _in_flight()
            _check_same(asked, record)
            found = None if is_new else find(record["id"])
            if found is not None:
                return found, True
            if not alone:
                raise _in_flight()
            return self._made(asked, record["id"], make), False

    def _begun(self, asked: Asked) -> tuple[Json, bool]:
        """Return the record of what will be or was made, and whether it is new."""
        now = self._clock()
        record = {
            "schema": SCHEMA,
            "id": asked.identifier,
            "created_at": records.format_time(now),
            "expires_at": records.format_time(now + self._kept),
            **asked.fingerprint,
        }
        if self._store.put_if_absent(asked.place, canonical_json(record)):
            return record, True
        if known := self._read(asked):
            return known, False
        self._store.put(asked.place, canonical_json(record))  # over one that has expired
        return record, True

    def _made(self, asked: Asked, identifier: str, make: Callable[[str], T]) -> T:
        try:
            return make(identifier)
        except ModelPressError as error:
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                with suppress(StorageError):  # refused, so that nothing was made: the key is free again
                    self._store.delete(asked.place)
            raise

    def _read(self, asked: Asked) -> Json | None:
        """Return the record of the key, unless it has expired."""
        record = read_document(self._store, asked.place)
        if record is None:
            return None
        with making_sense_of(asked.place):
            is_good = self._clock() < records.parse_time(record["expires_at"])
            if is_good and not {"id", *asked.fingerprint} <= record.keys():
                raise KeyError("id")
        return record if is_good else None

    @contextmanager
    def _alone(self, asked: Asked) -> Iterator[bool]:
        """Keep others with the same key waiting; give False where somebody else does so already."""
        lock = self._redis.lock(f"modelpress:{asked.place}", timeout=IN_FLIGHT_S, blocking=False, thread_local=False)
        try:
            with redis_errors():
                held = lock.acquire()
        except QueueError:
            yield True
            return
        try:
            yield held
        finally:
            if held:
                with suppress(QueueError), redis_errors():  # gone, or no longer ours: it ends by itself
                    lock.release()


def _check_same(asked: Asked, record: Json) -> None:
    if {name: record[name] for name in asked.fingerprint} != asked.fingerprint:
        raise KeyReusedError(
            f"Expected the very request that this Idempotency-Key came with first ({record['request']}, with the same "
            "body); got another. Send a new request with a new key."
        )


def _in_flight() -> RequestInFlightError:
    return RequestInFlightError("A request with this Idempotency-Key is under way; ask again for its answer.")
