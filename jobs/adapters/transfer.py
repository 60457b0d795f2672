"""Fetching the chosen files of a folder, within limits and safely named."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from jobs.adapters.folders import Entry, Folder
from jobs.contract.errors import InvalidRequestError, LimitExceededError, StorageError
from jobs.contract.spec import sha256_hex
from jobs.state.objects import Stored

PARALLEL_DOWNLOADS = 4
NAME_MAX_BYTES = 255
SHOWN_FILES = 8

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one reference may bring here.

    Attributes:
        max_files: files below the reference, fetched or not.
        max_bytes: bytes of the files that would be fetched.
    """

    max_files: int = 10_000
    max_bytes: int = 20 * 1024**3


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """One file that is here now."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came, and what identifies it.

    Attributes:
        uri: the reference, pinned to the exact revision where the place keeps versions.
        revision: that revision, or None.
        sha256: hash of the whole: of the lines ``sha256  path`` sorted by path, as ``sha256sum`` prints them.
        files: each file, sorted by path.
    """

    uri: str
    revision: str | None
    sha256: str
    files: tuple[FetchedFile, ...]


def listing(folder: Folder, limits: Limits, missing: type[InvalidRequestError]) -> tuple[Entry, ...]:
    """Return every file of *folder*, each safe to write below a folder of ours.

    Raises:
        InvalidRequestError: as *missing*, when there is nothing, or a path that no folder can hold.
        LimitExceededError: more files than the limit; the rest is not even listed.
    """
    entries = tuple(islice(folder.entries(), limits.max_files + 1))
    if not entries:
        raise missing(f"{folder.name} is empty or does not exist; name the folder that holds the files.")
    if len(entries) > limits.max_files:
        raise LimitExceededError(
            f"{folder.name} holds more than {limits.max_files} files; name the folder of the files themselves."
        )
    _check_paths(folder.name, [entry.path for entry in entries], missing)
    return entries


def fetch_files(folder: Folder, entries: Sequence[Entry], into: Path, limits: Limits) -> Fetched:
    """Download *entries* to the same relative paths below *into* and return what came.

    Raises:
        LimitExceededError: they are too large together; nothing was downloaded.
        StorageError: the place failed, or a file is not what the listing said.
    """
    total = sum(entry.bytes for entry in entries)
    if total > limits.max_bytes:
        raise LimitExceededError(
            f"{folder.name} would bring {total} bytes; this service fetches at most {limits.max_bytes} at once."
        )
    with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        files = tuple(pool.map(lambda entry: _fetch(folder, entry, into), sorted(entries, key=lambda each: each.path)))
    return Fetched(folder.name, folder.revision, source_sha256(files), files)


def source_sha256(files: Iterable[FetchedFile]) -> str:
    """Return the hash that identifies a set of files: ``sha256sum`` of their ``sha256sum`` lines, sorted by path."""
    lines = (f"{each.sha256}  {each.path}\n" for each in sorted(files, key=lambda each: each.path))
    return sha256_hex("".join(lines).encode())


def shown(entries: Iterable[Entry]) -> str:
    """Return the first few paths of *entries* for a message, and how many more there are."""
    paths = sorted(entry.path for entry in entries)
    more = len(paths) - SHOWN_FILES
    return ", ".join(paths[:SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")


def is_hidden(path: str) -> bool:
    """Return whether a part of *path* begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))


def _fetch(folder: Folder, entry: Entry, into: Path) -> FetchedFile:
    target = into / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    found = folder.save(entry, target)
    expected = Stored(entry.bytes, entry.sha256 or found.sha256)
    if found != expected:
        raise StorageError(
            f"{entry.path} of {folder.name} came as {found}, but was listed as {expected}: it changed on the way."
        )
    return FetchedFile(entry.path, found.bytes, found.sha256)


def _check_paths(name: str, paths: Sequence[str], missing: type[InvalidRequestError]) -> None:
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    for path in paths:
        if not _is_plain(path):
            raise missing(f"{name} holds {path!r}, which is no plain relative path; rename or remove that file.")
        if path in folders:
            raise missing(f"{name} holds {path!r} both as a file and as a folder; rename or remove one of them.")


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    safe = all(part not in {"", ".", ".."} and len(part.encode()) <= NAME_MAX_BYTES for part in parts)
    return safe and not _UNSAFE.search(path)
