"""One at a time in a folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from modelpress.concurrency import async_sleep
from modelpress.files import FolderLock

POLL_S = 0.05


@asynccontextmanager
async def async_alone_in(folder: Path) -> AsyncIterator[None]:
    """Wait until nobody else, in whatever task or process, is in this block with the same *folder*, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    while (lock := FolderLock.of(folder)) is None:
        await async_sleep(POLL_S)
    try:
        yield
    finally:
        lock.release()
