"""What the project asks of an object store, whoever makes it: values, errors and one Protocol."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


class ObjectMissingError(LookupError):
    """There is no such object, upload or bucket; what that means is for the asker to say."""


class AccessRefusedError(PermissionError):
    """The store's credentials may not do this: the bucket is somebody else's, or a policy is missing."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store knows of an object without reading it."""

    key: str
    bytes: int
    etag: str
    modified: datetime | None = None
    """When it was last written; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What went up or came down: its size and SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class ObjectStore(Protocol):
    """A bucket.

    Every method raises ``StorageError`` when the store fails, ``AccessRefusedError`` when it refuses, and, where an
    object is needed, ``ObjectMissingError``.
    """

    def get(self, key: str) -> bytes:
        """Return the content of a small object."""

    def put(self, key: str, body: bytes) -> None:
        """Write a small object, over whatever was there."""

    def put_if_absent(self, key: str, body: bytes) -> bool:
        """Write a small object unless the key exists; return whether it was written."""

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None when there is none."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with *prefix*, in the order of keys."""

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names (no slashes) of the folders directly below *prefix*, which ends in a slash."""

    def delete(self, key: str) -> None:
        """Remove the object if it exists."""

    def upload_file(self, key: str, path: Path) -> Stored:
        """Write a file of any size; return its size and SHA-256, which the stored bytes are known to have."""

    def download_file(self, key: str, path: Path) -> Stored:
        """Stream the object to *path* (its folder exists); return its size and SHA-256."""

    def presign_get(self, key: str, expires_s: int, filename: str) -> str:
        """Return a URL that downloads the object as *filename* for *expires_s* seconds."""

    def presign_put(self, key: str, expires_s: int) -> str:
        """Return a URL to which the whole object is PUT for *expires_s* seconds."""

    def create_multipart(self, key: str) -> str:
        """Begin an upload in parts; return its id."""

    def presign_part(self, key: str, upload_id: str, number: int, expires_s: int) -> str:
        """Return a URL to which part *number* (from 1) is PUT."""

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the (number, etag) *parts* into the object.

        Raises:
            ObjectMissingError: no such upload, or a part is not there with this etag.
        """

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Forget the upload and its parts."""

    def check(self) -> None:
        """Return when the bucket can be reached."""
