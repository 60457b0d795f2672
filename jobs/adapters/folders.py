"""A folder somewhere else: what is in it, and how one file of it comes here.

Buckets, uploads, model hubs and local disks all look like this to ``models`` and ``data``, which decide what to fetch.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from jobs.contract.errors import InvalidRequestError
from jobs.state.objects import AccessRefusedError, ObjectMissingError, ObjectStore, Stored


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a folder.

    Attributes:
        path: relative to the folder, with forward slashes.
        bytes: its size.
        sha256: its hash where the place publishes one; a download that differs is refused.
    """

    path: str
    bytes: int
    sha256: str | None = None


class Folder(Protocol):
    """A place that files are fetched from."""

    @property
    def name(self) -> str:
        """Return what messages and manifests call this place."""

    @property
    def revision(self) -> str | None:
        """Return the exact version of the content, where the place keeps versions."""

    def entries(self) -> Iterator[Entry]:
        """Yield every file below the folder as the place names it; nothing is checked yet."""

    def save(self, entry: Entry, target: Path) -> Stored:
        """Write the content of *entry* to *target*, whose folder exists; return what was written."""


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """The objects of a bucket whose keys begin with *base* (empty, or ending in a slash), or only one of them."""

    name: str
    store: ObjectStore
    base: str
    missing: type[InvalidRequestError]
    only: Entry | None = None
    revision: str | None = None

    @classmethod
    def at(cls, name: str, store: ObjectStore, path: str, missing: type[InvalidRequestError]) -> Self:
        """Return the folder *path* of *store*, or, where there is no such folder, the one object of that name.

        Raises:
            InvalidRequestError: as *missing*, when there is no such bucket or no right to read it.
        """
        folder = cls(name, store, f"{path}/" if path else "", missing)
        if not path or next(folder.entries(), None):
            return folder
        with bucket_errors(name, missing):
            single = store.head(path)
        base, _, file = path.rpartition("/")
        return cls(name, store, f"{base}/" if base else "", missing, Entry(file, single.bytes)) if single else folder

    def entries(self) -> Iterator[Entry]:
        """Yield the objects; folder markers (keys that end in a slash) are no files."""
        if self.only:
            yield self.only
            return
        with bucket_errors(self.name, self.missing):
            for found in self.store.list(self.base):
                if not found.key.endswith("/"):
                    yield Entry(found.key.removeprefix(self.base), found.bytes)

    def save(self, entry: Entry, target: Path) -> Stored:
        """Download one object."""
        with bucket_errors(self.name, self.missing):
            return self.store.download_file(self.base + entry.path, target)


@contextmanager
def bucket_errors(name: str, missing: type[InvalidRequestError]) -> Iterator[None]:
    """Say what a missing or refused bucket or object means to the caller."""
    try:
        yield
    except ObjectMissingError as error:
        raise missing(f"{name} cannot be read: there is no such bucket or object. Check the spelling.") from error
    except AccessRefusedError as error:
        raise missing(f"{name} cannot be read: let this service's credentials list and read that bucket.") from error


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder or file of this machine below *root*; links that lead out of the root are refused."""

    name: str
    path: Path
    root: Path
    missing: type[InvalidRequestError]
    revision: str | None = None

    def entries(self) -> Iterator[Entry]:
        """Yield the files below the folder, or the file itself; links to folders are not followed."""
        top = self._inside(self.path)
        if top.is_file():
            yield Entry(top.name, top.stat().st_size)
        for folder, _, names in os.walk(top):
            for name in names:
                file = Path(folder, name)
                yield Entry(file.relative_to(top).as_posix(), self._inside(file).stat().st_size)

    def save(self, entry: Entry, target: Path) -> Stored:
        """Copy one file."""
        top = self._inside(self.path)
        shutil.copyfile(self._inside(top if top.is_file() else top / entry.path), target)
        return stored(target)

    def _inside(self, path: Path) -> Path:
        resolved = Path(os.path.realpath(path))  # unlike Path.resolve, at peace with links in a circle
        if not resolved.is_relative_to(os.path.realpath(self.root)):
            raise self.missing(f"{self.name} leads out of the folder that this service may read.")
        if not resolved.exists():
            raise self.missing(f"{self.name} does not exist below the folder that this service may read.")
        return resolved


def stored(path: Path) -> Stored:
    """Return the size and SHA-256 of a file that is here."""
    with path.open("rb") as file:
        return Stored(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
