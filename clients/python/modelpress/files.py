"""Names and bytes of local files: what may be written where, and what a file's SHA-256 is."""

import hashlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from modelpress.errors import UnsafeNameError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


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


class FolderLock:
    """The right to be alone in a folder, of all threads, tasks and processes."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """Return the lock of *folder*, None while somebody else has it."""
        path = safe_path(folder, LOCK_NAME)
        file = path.open("ab")
        try:
            _lock(file.fileno())
        except OSError:
            file.close()
            return None
        if not _is_at(path, file.fileno()):  # whoever had it has removed it
            file.close()
            return cls.of(folder)
        return cls(path, file)

    def release(self) -> None:
        """Let the next one in."""
        with suppress(OSError):  # where open files cannot be removed it stays, empty
            self._path.unlink()
        self._file.close()


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
