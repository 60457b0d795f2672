"""API keys: ``mp_<id>_<secret>``, of which only the secret's hash is stored.

A key says what it may do and until when. It is rotated by a second key beside it, which may do the same, and an end for
the first.
"""

import hmac
import logging
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from redis import Redis
from ulid import ULID

from jobs.contract.errors import InvalidRequestError, QueueError
from jobs.contract.spec import Json, sha256_hex
from jobs.state.documents import UnreadableDocumentError, making_sense_of
from jobs.state.events import redis_errors
from jobs.state.objects import ObjectStore
from jobs.state.records import format_time, parse_time, utc_now
from jobs.state.remembered import CACHE_S, Remembered
from jobs.state.versions import NewerDocumentError, readable, schema_of

USED = "modelpress:keys:used"
"""The Redis hash of when each key was last used."""
KEY_PREFIX = "mp_"
_FOLDER = "keys/"
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY = re.compile(r"mp_(?P<id>[0-9A-HJKMNP-TV-Z]{26})_(?P<secret>[A-Za-z0-9_-]{43})")
_KEY_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
log = logging.getLogger("modelpress.keys")


class Scope(StrEnum):
    """What a key may do for its tenant."""

    READ = "read"
    """look at what there is: jobs, events, reports, artifacts, uploads"""
    WRITE = "write"
    """ask for work and stop it: submit, upload, cancel"""
    ADMIN = "admin"
    """change what others are told: webhooks"""


EVERYTHING = frozenset(Scope)
"""What a key may do that was made without a word on it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What is known of a key, apart from its secret.

    Attributes:
        key_id: names the key.
        tenant: whose it is.
        sha256: of the secret; nobody who has not the key or the store knows it.
        scopes: what it may do.
        name: its owner's word for it.
        expires_at: when it ends by itself.
    """

    key_id: str
    tenant: str
    sha256: str = field(repr=False)
    scopes: frozenset[Scope] = EVERYTHING
    name: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None

    def ended(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and now >= self.expires_at

    def to_record(self) -> Json:
        """Return what the store keeps."""
        return {
            "schema": schema_of("key"),
            "tenant": self.tenant,
            "name": self.name,
            "sha256": self.sha256,
            "scopes": sorted(self.scopes),
            "created_at": format_time(self.created_at),
            "expires_at": format_time(self.expires_at),
        }

    @classmethod
    def from_record(cls, key_id: str, record: Json) -> Self:
        """Return the key of *record*; one of before there were scopes may do everything."""
        readable(record, "key")
        if not is_tenant(record["tenant"]):
            raise ValueError("no tenant")
        return cls(
            key_id,
            record["tenant"],
            str(record["sha256"]),
            scopes=_scopes(record["scopes"]) if "scopes" in record else EVERYTHING,
            name=str(record["name"]),
            created_at=parse_time(record["created_at"]),
            expires_at=parse_time(record["expires_at"]) if record.get("expires_at") else None,
        )


_NOBODY = Holder("", "", sha256_hex(b""))


class Keys:
    """Makes, checks, rotates and removes keys; the store keeps them, Redis remembers those in use.

    Args:
        store: where their records are.
        redis: a client that decodes its responses.
        clock: tells the time.
    """

    def __init__(self, store: ObjectStore, redis: "Redis", clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._records = Remembered(store, redis, _made)
        self._redis = redis
        self._clock = clock
        self._noted: dict[str, datetime] = {}

    def create(
        self,
        tenant: str,
        name: str,
        *,
        scopes: Collection[Scope] = EVERYTHING,
        lasts: timedelta | None = None,
    ) -> str:
        """Return a new key of *tenant*, which can never be shown again.

        Args:
            tenant: whose.
            name: its owner's word for it.
            scopes: what it may do.
            lasts: how long; None: until it is revoked.

        Raises:
            InvalidRequestError: the tenant's name is none.
        """
        check_tenant(tenant)
        now = self._clock()
        expires = now + lasts if lasts else None
        return self._issue(Holder("", tenant, "", frozenset(scopes) or EVERYTHING, name, now, expires))

    def rotate(self, key_id: str, grace: timedelta) -> str:
        """Return a new key like the one with this id (or text), which goes on for *grace* and no longer.

        A key that was to end by itself is followed by one that lasts as long from now.

        Raises:
            InvalidRequestError: there is no such key, or it has ended.
        """
        old = self.holder(key_id_of(key_id))
        if old is None:
            raise InvalidRequestError(f"Expected the id of a key that is good; got {key_id_of(key_id)[:40]!r}.")
        now, lasts = self._clock(), old.expires_at and old.created_at and old.expires_at - old.created_at
        key = self._issue(replace(old, created_at=now, expires_at=now + lasts if lasts else None))
        self._write(replace(old, expires_at=min(now + grace, old.expires_at or now + grace)))
        return key

    def revoke(self, key_id: str) -> Holder | None:
        """Remove a key, by its id or whole; return whose it was, None also of one that nobody can read."""
        try:
            found = self.holder(key_id_of(key_id))
        except UnreadableDocumentError:
            found = None
        self._records.delete(_object_key(key_id_of(key_id)))
        return found

    def identify(self, key: str, *, seek: bool = True) -> Holder | None:
        """Return who holds *key*; an unknown one takes as long to refuse as a wrong secret.

        Unless it is to *seek*, the store is not asked: only a key that was used within the minute is found.
        """
        parts = _KEY.fullmatch(key)
        if parts is None:
            return None
        found = self.holder(parts["id"], seek=seek) or _NOBODY
        if not hmac.compare_digest(sha256_hex(parts["secret"].encode()), found.sha256):
            return None
        self._note_use(found.key_id)
        return found

    def holder(self, key_id: str, *, seek: bool = True) -> Holder | None:
        """Return who holds the key with this id, for as long as it is good; *seek* as in ``identify``."""
        found = self._records.read(_object_key(key_id), seek=seek) if _KEY_ID.fullmatch(key_id) else None
        return None if found is None or found.ended(self._clock()) else found

    def all(self) -> Iterator[Holder]:
        """Yield every key that was not revoked and can be read, also those whose time is over, oldest first."""
        for found in self._store.list(_FOLDER):
            try:
                holder = self._records.read(found.key)
                if holder is not None:
                    yield holder
            except (UnreadableDocumentError, NewerDocumentError) as error:
                log.warning("%s is left out: %s", found.key, error)

    def last_used(self, key_id: str) -> datetime | None:
        """Return when the key last opened the door, to within a minute; None: not since Redis was emptied."""
        with redis_errors():
            text = self._redis.hget(USED, key_id)
        return parse_time(text) if isinstance(text, str) else None

    def _issue(self, holder: Holder) -> str:
        key_id, secret = str(ULID()), secrets.token_urlsafe(32)
        self._write(replace(holder, key_id=key_id, sha256=sha256_hex(secret.encode())))
        return f"mp_{key_id}_{secret}"

    def _write(self, holder: Holder) -> None:
        self._records.write(_object_key(holder.key_id), holder.to_record())

    def _note_use(self, key_id: str) -> None:
        """Write down that the key is in use, once a minute and process."""
        now = self._clock()
        if key_id in self._noted and now - self._noted[key_id] < timedelta(seconds=CACHE_S):
            return
        self._noted[key_id] = now
        try:
            with redis_errors():
                self._redis.hset(USED, key_id, format_time(now) or "")
        except QueueError:
            return  # nobody is kept out for it


def check_tenant(name: str) -> None:
    """Refuse a tenant's name that cannot be part of an object's key.

    Raises:
        InvalidRequestError: it is not plain.
    """
    if not is_tenant(name):
        raise InvalidRequestError(f"Expected a tenant of a-z, 0-9 and '-', at most 63 long; got {name[:80]!r}.")


def is_tenant(name: str) -> bool:
    """Return whether *name* can be a tenant's."""
    return _TENANT.fullmatch(name) is not None


def key_id_of(key: str) -> str:
    """Return the id of a key, given whole or by its id."""
    parts = _KEY.fullmatch(key)
    return parts["id"] if parts else key


def _scopes(words: Iterable[str]) -> frozenset[Scope]:
    """Return what the *words* of a record allow; one that a newer release knows allows nothing here."""
    known = {scope.value: scope for scope in Scope}
    return frozenset(known[word] for word in words if word in known)


def _made(key: str, record: Json) -> Holder:
    with making_sense_of(key):
        return Holder.from_record(key.removeprefix(_FOLDER).removesuffix(".json"), record)


def _object_key(key_id: str) -> str:
    return f"{_FOLDER}{key_id}.json"
