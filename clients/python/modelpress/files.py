"""Names and bytes of local files: what may be written where, and what a file's SHA-256 is."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from modelpress.errors import UnsafeNameError

CHUNK_BYTES = 1 << 20

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')  # control characters, drives, and what Windows reserves


def safe_path(folder: Path, name: str) -> Path:
    """Return where a manifest's file *name* lies in *folder*.

    Raises:
        UnsafeNameError: the name is absolute, has ``..``, a drive or a backslash, or leads through a symbolic link.
    """
    parts = name.split("/")
    if _FORBIDDEN.search(name) or any(part in {"", ".", ".."} for part in parts):
        raise UnsafeNameError(f"Expected a plain relative file name in the manifest; got {name!r}.")
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise UnsafeNameError(f"{path} is a symbolic link: remove it, or download to another folder.")
    return path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_slice(path: Path, start: int, length: int) -> Iterator[bytes]:
    """Yield *length* bytes of a file from *start* on, in chunks."""
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (chunk := file.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
