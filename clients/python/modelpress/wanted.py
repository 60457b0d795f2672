"""The files of a manifest, and how far each is on its way."""

import hashlib
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modelpress.errors import IntegrityError
from modelpress.files import safe_path, sha256_of
from modelpress.records import Manifest, Record

MANIFEST_NAME = "manifest.json"
PIECE_BYTES = 8 << 20
"""What is asked for at once: large enough to be quick, small enough that a break loses little."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of a manifest.

    Attributes:
        name: its name in the manifest.
        path: where it goes.
        part: where its bytes gather until they are all there.
        size: its bytes.
        sha256: of its content, in hexadecimal.
    """

    name: str
    path: Path
    part: Path
    size: int
    sha256: str

    def is_complete(self) -> bool:
        """Return whether the file itself is already there with the right content."""
        there = self.path.is_file() and self.path.stat().st_size == self.size
        return there and sha256_of(self.path) == self.sha256

    def open(self) -> "Gathered":
        """Return the part file with what an earlier run has brought, open for more."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return Gathered(self)


class Gathered:
    """The bytes of a file so far: a prefix of it, hashed as it grows."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._digest = hashlib.sha256()
        self._file = wanted.part.open("a+b")
        if self._file.tell() > wanted.size:
            self._file.truncate(0)
        self._file.seek(0)
        while chunk := self._file.read(PIECE_BYTES):
            self._digest.update(chunk)
        self.size = self._file.tell()

    def add(self, piece: "Piece") -> None:
        """Append what has come of *piece*, and take it from there."""
        while piece.chunks:
            chunk = piece.chunks.popleft()
            self._digest.update(chunk)
            self.size += self._file.write(chunk)

    def close(self) -> None:
        """Leave what is there for a later run."""
        self._file.close()

    def accept(self) -> None:
        """Give the file its name.

        Raises:
            IntegrityError: it is not what the manifest promises.
        """
        self.close()
        came, wanted = self._digest.hexdigest(), self._wanted
        if came != wanted.sha256:
            raise IntegrityError(f"{wanted.name}: expected SHA-256 {wanted.sha256}, got {came}; the file was not kept.")
        wanted.part.replace(wanted.path)


@dataclass(slots=True)
class Piece:
    """The bytes from *start* up to *stop* of a file on their way; what has come is kept when a connection breaks."""

    start: int
    stop: int
    chunks: deque[bytes] = field(default_factory=deque)
    at: int = field(init=False)

    def __post_init__(self) -> None:
        self.at = self.start

    @property
    def missing(self) -> bool:
        """Return whether there is more to come."""
        return self.at < self.stop

    def end(self) -> None:
        """Let no more come."""
        self.stop = self.at

    def byte_range(self, size: int) -> str | None:
        """Return what is missing as a ``Range`` header says it; None where that is the whole file of *size* bytes."""
        return None if (self.at, self.stop) == (0, size) else f"bytes={self.at}-{self.stop - 1}"

    def add(self, chunk: bytes) -> int:
        """Keep what of *chunk* belongs here; return how many bytes that is."""
        kept = chunk[: self.stop - self.at]
        self.chunks.append(kept)
        self.at += len(kept)
        return len(kept)


def pieces(start: int, size: int) -> Iterator[Piece]:
    """Yield what is missing of a file of *size* bytes from *start* on."""
    for at in range(start, size, PIECE_BYTES):
        yield Piece(at, min(size, at + PIECE_BYTES))


def wanted_in(folder: Path, manifest: Manifest) -> list[Wanted]:
    """Return the files of *manifest* as they shall lie in *folder*.

    Raises:
        UnsafeNameError: a name leads out of the folder.
        IntegrityError: the manifest has no SHA-256 where it should.
    """
    return [_wanted(folder, entry) for entry in manifest.files]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write *manifest* beside its files, as ``manifest.json``."""
    path = safe_path(folder, MANIFEST_NAME)
    part = safe_path(folder, f".{MANIFEST_NAME}.part")
    part.write_text(json.dumps(manifest.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def _wanted(folder: Path, entry: Record) -> Wanted:
    if not _SHA256.fullmatch(entry.sha256):
        raise IntegrityError(f"{entry.path}: expected a SHA-256 in the manifest; got {entry.sha256!r}.")
    path = safe_path(folder, entry.path)
    above, slash, name = entry.path.rpartition("/")
    part = safe_path(folder, f"{above}{slash}.{name}.{entry.sha256[:16]}.part")
    return Wanted(entry.path, path, part, entry.bytes, entry.sha256)
