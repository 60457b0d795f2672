"""One at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelpress.concurrency import sleep
from modelpress.files import FolderLock

POLL_S = 0.05


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else, in whatever task or process, is in this block with the same *folder*, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    while (lock := FolderLock.of(folder)) is None:
        sleep(POLL_S)
    try:
        yield
    finally:
        lock.release()
