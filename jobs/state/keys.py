"""API keys: ``mp_<id>_<secret>``, of which only the secret's hash is stored."""

import hmac
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from ulid import ULID

from jobs.contract.errors import InvalidRequestError, QueueError
from jobs.contract.spec import Json, canonical_json, sha256_hex
from jobs.state.events import redis_errors
from jobs.state.objects import ObjectMissingError, ObjectStore
from jobs.state.records import format_time, utc_now

CACHE_S = 60
"""How long a key that was taken away may still open the door [s]."""
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY = re.compile(r"mp_(?P<id>[0-9A-HJKMNP-TV-Z]{26})_(?P<secret>[A-Za-z0-9_-]{43})")
_KEY_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Holder:
    """What is known of a key, apart from its secret.

    Attributes:
        key_id: names the key.
        tenant: whose it is.
        sha256: of the secret; nobody who has not the key or the store knows it.
    """

    key_id: str
    tenant: str
    sha256: str = field(repr=False)


_NOBODY = Holder("", "", sha256_hex(b""))


class Keys:
    """Makes, checks and removes keys; the store keeps them, Redis remembers those in use."""

    def __init__(self, store: ObjectStore, redis: "Redis") -> None:
        self._store = store
        self._redis = redis

    def create(self, tenant: str, name: str) -> str:
        """Return a new key of *tenant*, which can never be shown again.

        Raises:
            InvalidRequestError: the tenant's name is none.
        """
        if not _TENANT.fullmatch(tenant):
            raise InvalidRequestError(f"Expected a tenant of a-z, 0-9 and '-', at most 63 long; got {tenant[:80]!r}.")
        key_id, secret = str(ULID()), secrets.token_urlsafe(32)
        record = {
            "tenant": tenant,
            "name": name,
            "sha256": sha256_hex(secret.encode()),
            "created_at": format_time(utc_now()),
        }
        self._store.put(_object_key(key_id), canonical_json(record))
        return f"mp_{key_id}_{secret}"

    def authenticate(self, key: str) -> str | None:
        """Return the tenant whose key this is."""
        found = self.identify(key)
        return found.tenant if found else None

    def identify(self, key: str) -> Holder | None:
        """Return who holds *key*; an unknown one takes as long to refuse as a wrong secret."""
        parts = _KEY.fullmatch(key)
        if parts is None:
            return None
        found = self.holder(parts["id"]) or _NOBODY
        return found if hmac.compare_digest(sha256_hex(parts["secret"].encode()), found.sha256) else None

    def holder(self, key_id: str) -> Holder | None:
        """Return who holds the key with this id, for as long as it is not revoked."""
        record = self._record(key_id) if _KEY_ID.fullmatch(key_id) else None
        return Holder(key_id, record["tenant"], record["sha256"]) if record else None

    def revoke(self, key_id: str) -> None:
        """Remove a key, by its id or whole."""
        parts = _KEY.fullmatch(key_id)
        self._store.delete(_object_key(parts["id"] if parts else key_id))

    def _record(self, key_id: str) -> Json | None:
        text = self._remembered(key_id) or self._stored(key_id)
        record: Json | None = json.loads(text) if text else None
        return record

    def _remembered(self, key_id: str) -> str | None:
        try:
            with redis_errors():
                text: Any = self._redis.get(_cache_key(key_id))
        except QueueError:
            return None
        return text if isinstance(text, str) else None

    def _stored(self, key_id: str) -> str | None:
        try:
            text = self._store.get(_object_key(key_id)).decode()
        except ObjectMissingError:
            return None
        try:
            with redis_errors():
                self._redis.set(_cache_key(key_id), text, ex=CACHE_S)
        except QueueError:
            return text  # the store knew it: that is enough
        return text


def _object_key(key_id: str) -> str:
    return f"keys/{key_id}.json"


def _cache_key(key_id: str) -> str:
    return f"modelpress:key:{key_id}"
