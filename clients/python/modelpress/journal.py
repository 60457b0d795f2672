"""What of an upload has been sent, kept beside the user's other caches, so that an interrupted upload goes on.

A journal belongs to one service and to files at their places, with their sizes and times: whatever changes one of them
begins another journal. It holds ids and ETags, no addresses and no keys.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from modelpress.settings import cache_path

KEPT_S = 7 * 24 * 3600.0


class Journal:
    """The journal in the file *path*; where that cannot be written, nothing is kept, and nothing can be gone on with.

    Attributes:
        upload_id: the upload to go on with; None where there is none.
        etags: what the store called the parts that it has, by name of the file and number of the part.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.upload_id: str | None = None
        self.etags: dict[tuple[str, int], str] = {}
        for upload_id, name, number, etag in _entries(path):
            if upload_id != self.upload_id:
                self.upload_id, self.etags = upload_id, {}
            if etag:
                self.etags[name, number] = etag

    @classmethod
    def of(cls, service: str, files: Mapping[str, Path]) -> "Journal":
        """Return the journal of sending *files*, by their names in the upload, to *service*."""
        folder = cache_path() / "uploads"
        found = {name: file.stat() for name, file in files.items()}
        listing = [[name, str(files[name].absolute()), is_.st_size, is_.st_mtime_ns] for name, is_ in found.items()]
        key = hashlib.sha256(json.dumps([service, listing]).encode()).hexdigest()
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _forget_old(folder)
        return cls(folder / f"{key[:32]}.jsonl")

    def begin(self, upload_id: str) -> None:
        """Note that the upload has begun."""
        self.upload_id, self.etags = upload_id, {}
        self._write(upload_id, "", 0, "")

    def sent(self, name: str, number: int, etag: str) -> None:
        """Note that the store has a part."""
        self._write(self.upload_id, name, number, etag)

    def forget(self) -> None:
        """Note that there is nothing to go on with any more."""
        self.upload_id, self.etags = None, {}
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, *entry: str | int | None) -> None:
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _entries(path: Path) -> Iterator[tuple[str, str, int, str]]:
    """Yield upload, file, part and ETag of each line, up to one that was not written whole."""
    with suppress(OSError, ValueError):
        for line in path.read_text(encoding="utf-8").splitlines():
            upload_id, name, number, etag = json.loads(line)
            yield upload_id, name, number, etag


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.jsonl"):
        if path.stat().st_mtime < time.time() - KEPT_S:
            path.unlink(missing_ok=True)
