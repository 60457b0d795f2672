"""Names and bytes of local files: what may be written where, and what a file's SHA-256 is."""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelpress.errors import UnsafeNameError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        while True:
            with suppress(OSError):  # it gives up after ten seconds
                msvcrt.locking(file, msvcrt.LK_LOCK, 1)
                return
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)


CHUNK_BYTES = 1 << 20
LOCK_NAME = ".modelpress.lock"

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


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else, in whatever thread or process, is in this block with the same *folder*, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    path = safe_path(folder, LOCK_NAME)
    while True:
        with path.open("ab") as file:
            _lock(file.fileno())
            if not _is_at(path, file.fileno()):
                continue  # whoever had it has removed it
            try:
                yield
            finally:
                with suppress(OSError):  # where open files cannot be removed it stays, empty
                    path.unlink()
            return


def read_slice(path: Path, start: int, length: int) -> Iterator[bytes]:
    """Yield *length* bytes of a file from *start* on, in chunks."""
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (chunk := file.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
