"""Unfinished work in the bucket, for the next attempt at the same job.

Below ``tenants/{tenant}/jobs/{job}/attempts/{n}/checkpoints/{name}/{number}/`` lie the files of one checkpoint and,
written last, its ``manifest.json``. What an attempt before left is read only where its manifest says that it is of the
same request and sources, and where each file has the hash that it had. Nothing depends on it: what is missing, spoilt
or out of reach costs the time to compute it again, and no more.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jobs.contract.errors import StorageError
from jobs.contract.spec import Json, canonical_json, sha256_hex
from jobs.state.archive import Archive, job_prefix
from jobs.state.documents import UnreadableDocumentError, making_sense_of
from jobs.state.objects import AccessRefusedError, ObjectMissingError, ObjectStore
from jobs.state.records import Lease

CHECKPOINT_SCHEMA = "modelpress/checkpoint/v1"
_MANIFEST = "manifest.json"
log = logging.getLogger("modelpress.checkpoints")


class Checkpoints:
    """The checkpoints of one attempt, and those that earlier ones left.

    Args:
        store: the bucket.
        lease: of the attempt.
        identity: all that the work depends on; what was done from anything else is never read.
        after_s: least time between two checkpoints, so that short work is not held up by them [s].
        urgent: tells whether the attempt is about to be interrupted.
        clock: tells the seconds that pass.
    """

    def __init__(
        self,
        store: ObjectStore,
        lease: Lease,
        identity: Mapping[str, Any],
        *,
        after_s: float,
        urgent: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._archive, self._lease = store, Archive(store), lease
        self._identity = sha256_hex(canonical_json({"request": lease.job.request, **identity}))
        self._after_s, self._urgent, self._clock = after_s, urgent, clock
        self._last, self._number = clock(), 0

    @property
    def urgent(self) -> bool:
        """Return whether the attempt is about to be interrupted."""
        return self._urgent()

    def due(self) -> bool:
        """Return whether enough was done since anything was kept to be worth keeping."""
        return self.urgent or self._clock() - self._last >= self._after_s

    def keep(self, name: str, folder: Path) -> None:
        """Keep the files in *folder* in the place of what this attempt kept as *name*, unless the store fails."""
        self._number += 1
        place = f"{self._base(self._lease.attempt, name)}{self._number}/"
        try:
            self._write(place, folder)
            self._discard(name, but=place)
        except (StorageError, AccessRefusedError) as error:
            log.warning("%s goes on without keeping %s: %s", self._lease.job.id, name, error)
        self._last = self._clock()

    def fetch(self, name: str, folder: Path) -> bool:
        """Bring what an earlier attempt kept last as *name* into the empty *folder*; return whether there was any."""
        try:
            return any(self._brought(place, _emptied(folder)) for place in self._earlier(name))
        except (StorageError, AccessRefusedError) as error:
            log.warning("%s goes on without reading %s: %s", self._lease.job.id, name, error)
            return False

    def _write(self, place: str, folder: Path) -> None:
        files = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            stored = self._store.upload_file(place + path.relative_to(folder).as_posix(), path)
            files.append({"path": path.relative_to(folder).as_posix(), "sha256": stored.sha256})
        manifest = {"schema": CHECKPOINT_SCHEMA, "identity": self._identity, "files": files}
        self._store.put(place + _MANIFEST, canonical_json(manifest))

    def _discard(self, name: str, *, but: str) -> None:
        """Delete the attempt's older checkpoints of this name, which nobody will read."""
        for found in list(self._store.list(self._base(self._lease.attempt, name))):
            if not found.key.startswith(but):
                self._store.delete(found.key)

    def _earlier(self, name: str) -> Iterator[str]:
        """Yield where earlier attempts kept checkpoints that are whole, newest first."""
        for attempt in range(self._lease.attempt - 1, 0, -1):
            base = self._base(attempt, name)
            named = (name for name in self._store.folders(base) if name.isdecimal())
            numbers = sorted(map(int, named), reverse=True)
            yield from (f"{base}{number}/" for number in numbers)

    def _brought(self, place: str, folder: Path) -> bool:
        try:
            manifest = self._archive.document(place + _MANIFEST)
            with making_sense_of(place + _MANIFEST):
                fits = manifest is not None and self._fits(manifest)
                files = [(each["path"], each["sha256"]) for each in manifest["files"]] if manifest and fits else []
                return fits and all(self._has_come(place, path, sha256, folder) for path, sha256 in files)
        except ObjectMissingError:
            return False
        except UnreadableDocumentError as error:
            log.warning("A checkpoint is not used: %s", error)
            return False

    def _fits(self, manifest: Json) -> bool:
        return (manifest["schema"], manifest["identity"]) == (CHECKPOINT_SCHEMA, self._identity)

    def _has_come(self, place: str, name: str, sha256: str, folder: Path) -> bool:
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._store.download_file(place + name, path).sha256 == sha256
        if not whole:
            log.warning("%s%s is not what was kept; it is not used.", place, name)
        return whole

    def _base(self, attempt: int, name: str) -> str:
        job = self._lease.job
        return f"{job_prefix(job.tenant, job.id)}attempts/{attempt}/checkpoints/{name}/"


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder)
    folder.mkdir()
    return folder
