"""An object store in memory, for tests and for trying things out: it keeps the same promises as the real one.

``tests/laws/test_every_store.py`` holds it to them. What a caller would do by plain HTTP with a presigned URL,
``open_url`` and ``put_url`` do here.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from jobs.state.objects import AccessRefusedError, ObjectInfo, ObjectMissingError, Stored
from jobs.state.records import utc_now

SCHEME = "memory"


@dataclass(slots=True)
class _Upload:
    bucket: str
    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Contents:
    """Everything that the stores of one family share."""

    clock: Callable[[], datetime] = utc_now
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    modified: dict[tuple[str, str], datetime] = field(default_factory=dict)
    uploads: dict[str, _Upload] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    begun: int = 0


class MemoryStore:
    """An ``ObjectStore`` whose bucket is a dictionary; safe to use from several threads.

    Args:
        bucket: its name; the bucket exists from the beginning.
        clock: tells when objects are written.
    """

    def __init__(self, bucket: str = "modelpress", clock: Callable[[], datetime] = utc_now) -> None:
        self.bucket = bucket
        self._contents = _Contents(clock)
        self.ensure_bucket()

    def in_bucket(self, bucket: str) -> Self:
        """Return the same store's other *bucket*, which need not exist."""
        other = object.__new__(type(self))
        other.bucket, other._contents = bucket, self._contents
        return other

    def ensure_bucket(self) -> None:
        """Create the bucket unless it exists."""
        with self._contents.lock:
            self._contents.buckets.setdefault(self.bucket, {})

    def check(self) -> None:
        """Return when the bucket exists."""
        with self._contents.lock:
            self._objects()

    def get(self, key: str) -> bytes:
        """Return the content of an object."""
        with self._contents.lock:
            try:
                return self._objects()[key]
            except KeyError:
                raise ObjectMissingError(f"No object {key!r} in bucket {self.bucket!r}.") from None

    def put(self, key: str, body: bytes) -> None:
        """Write an object, over whatever was there."""
        with self._contents.lock:
            self._objects()[key] = bytes(body)
            self._contents.modified[self.bucket, key] = self._contents.clock()

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Write an object unless the key exists; return whether it was written."""
        with self._contents.lock:
            absent = key not in self._objects()
            if absent:
                self.put(key, body)
        return absent

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None when there is none."""
        with self._contents.lock:
            body = self._contents.buckets.get(self.bucket, {}).get(key)
        return (
            None
            if body is None
            else ObjectInfo(key, len(body), _etag(body), self._contents.modified.get((self.bucket, key)))
        )

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with *prefix*, in the order of keys, as they are now."""
        with self._contents.lock:
            found = {key: body for key, body in self._objects().items() if key.startswith(prefix)}
        for key in sorted(found, key=str.encode):
            yield ObjectInfo(key, len(found[key]), _etag(found[key]), self._contents.modified.get((self.bucket, key)))

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders directly below *prefix*."""
        below = (info.key.removeprefix(prefix) for info in self.list(prefix))
        yield from dict.fromkeys(key.partition("/")[0] for key in below if "/" in key)

    def delete(self, key: str) -> None:
        """Remove the object if it exists."""
        with self._contents.lock:
            self._objects().pop(key, None)

    def upload_file(self, key: str, path: Path) -> Stored:
        """Write a file; return its size and SHA-256."""
        body = path.read_bytes()
        self.put(key, body)
        return _stored(body)

    def download_file(self, key: str, path: Path) -> Stored:
        """Write the object to *path*; return its size and SHA-256."""
        body = self.get(key)
        path.write_bytes(body)
        return _stored(body)

    def presign_get(self, key: str, expires_s: int, filename: str) -> str:
        """Return a URL that ``open_url`` accepts for *expires_s* seconds."""
        return self._url(key, expires_s, filename=filename)

    def presign_put(self, key: str, expires_s: int) -> str:
        """Return a URL that ``put_url`` accepts for *expires_s* seconds."""
        return self._url(key, expires_s)

    def create_multipart(self, key: str) -> str:
        """Begin an upload in parts; return its id."""
        with self._contents.lock:
            self._objects()
            self._contents.begun += 1
            upload_id = f"upload-{self._contents.begun}"
            self._contents.uploads[upload_id] = _Upload(self.bucket, key)
        return upload_id

    def presign_part(self, key: str, upload_id: str, number: int, expires_s: int) -> str:
        """Return a URL that ``put_url`` accepts for *expires_s* seconds."""
        return self._url(key, expires_s, upload=upload_id, part=str(number))

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the (number, etag) *parts* into the object."""
        with self._contents.lock:
            upload = self._upload(key, upload_id)
            for number, etag in parts:
                if number not in upload.parts or _etag(upload.parts[number]) != etag.strip('"'):
                    raise ObjectMissingError(f"Part {number} of {key!r} was not uploaded, or has another etag.")
            self.put(key, b"".join(upload.parts[number] for number, _ in parts))
            del self._contents.uploads[upload_id]

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Forget the upload and its parts."""
        with self._contents.lock:
            self._upload(key, upload_id)
            del self._contents.uploads[upload_id]

    def open_url(self, url: str) -> bytes:
        """Return what a GET of a presigned *url* would give."""
        key, _ = self._checked(url)
        return self.get(key)

    def put_url(self, url: str, body: bytes) -> str:
        """Store an object or a part as a PUT to a presigned *url* would; return its etag."""
        key, query = self._checked(url)
        with self._contents.lock:
            if "part" in query:
                self._upload(key, query["upload"]).parts[int(query["part"])] = bytes(body)
            else:
                self.put(key, body)
        return f'"{_etag(body)}"'

    def _objects(self) -> dict[str, bytes]:
        if self.bucket not in self._contents.buckets:
            raise ObjectMissingError(f"No bucket {self.bucket!r}.")
        return self._contents.buckets[self.bucket]

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self._contents.uploads.get(upload_id)
        if upload is None or (upload.bucket, upload.key) != (self.bucket, key):
            raise ObjectMissingError(f"No upload {upload_id!r} of {key!r} in bucket {self.bucket!r}.")
        return upload

    def _url(self, key: str, expires_s: int, **query: str) -> str:
        text = urlencode({**query, "until": time.time() + expires_s})
        return f"{SCHEME}://{self.bucket}/{quote(key)}?{text}&signature={_signature(self.bucket, key, text)}"

    def _checked(self, url: str) -> tuple[str, dict[str, str]]:
        split = urlsplit(url)
        key = unquote(split.path.removeprefix("/"))
        text, _, signature = split.query.partition("&signature=")
        query = {name: values[0] for name, values in parse_qs(text).items()}
        if signature != _signature(self.bucket, key, text) or float(query["until"]) < time.time():
            raise AccessRefusedError("The URL is not signed like this, or has expired.")
        return key, query


def _signature(bucket: str, key: str, query: str) -> str:
    """Return a mark that catches mistakes; it keeps no secret."""
    return hashlib.sha256(f"{bucket}\n{key}\n{query}".encode()).hexdigest()


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _stored(body: bytes) -> Stored:
    return Stored(len(body), hashlib.sha256(body).hexdigest())
