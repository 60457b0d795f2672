"""Fetch a job's artifact: in constant memory, resumed where it broke off, kept only if the hashes are right.

Each file grows as a hidden ``.part`` file named after its SHA-256, so that only bytes of the very same content are ever
continued, and gets its own name when its size and SHA-256 are those of the manifest. Each try asks the service for a
fresh presigned URL, because the former one may have expired meanwhile.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from modelpress.errors import IntegrityError, ModelPressError
from modelpress.files import alone_in, safe_path, sha256_of
from modelpress.records import Manifest, Record
from modelpress.transport import Transport, is_passing

MANIFEST_NAME = "manifest.json"

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

    @property
    def gathered(self) -> int:
        """Return how many of its bytes are in the part file."""
        return self.part.stat().st_size if self.part.exists() else 0

    @property
    def complete(self) -> bool:
        """Return whether the file itself is already there with the right content."""
        there = self.path.is_file() and self.path.stat().st_size == self.size
        return there and sha256_of(self.path) == self.sha256


class Download:
    """Brings the files of one manifest into a folder.

    *locate* returns a presigned URL for the name of a file.
    """

    def __init__(self, transport: Transport, manifest: Manifest, locate: Callable[[str], str]) -> None:
        self._transport = transport
        self._manifest = manifest
        self._locate = locate

    def into(self, folder: Path) -> None:
        """Fetch what is missing in *folder*, which is made; the manifest comes last, as ``manifest.json``.

        Raises:
            UnsafeNameError: a name leads out of the folder; nothing was written.
            IntegrityError: a file's bytes are not what the manifest promises; that file was not kept.
        """
        wanted = [_wanted(folder, entry) for entry in self._manifest.files]
        with alone_in(folder):
            for each in wanted:
                if not each.complete:
                    self._fetch(each)
            _write_manifest(folder, self._manifest)

    def _fetch(self, wanted: Wanted) -> None:
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
        resumed = wanted.gathered > 0
        self._gather(wanted)
        if resumed and sha256_of(wanted.part) != wanted.sha256:  # the bytes of the earlier run may be the bad ones
            wanted.part.unlink()
            self._gather(wanted)
        _accept(wanted)

    def _gather(self, wanted: Wanted) -> None:
        """Fill the part file; give up after as many tries in a row as brought nothing new."""
        failures = 0
        while wanted.gathered < wanted.size or not wanted.part.exists():
            before = wanted.gathered
            try:
                self._continue(wanted)
            except ModelPressError as error:
                failures = 1 if wanted.gathered > before else failures + 1
                if failures >= self._transport.retry.tries or not is_passing(error):
                    raise
                time.sleep(self._transport.retry.delay_s(failures, error))

    def _continue(self, wanted: Wanted) -> None:
        """Append to the part file until the store has no more."""
        with self._transport.stream(self._locate(wanted.name), start=wanted.gathered) as response:
            mode = "ab" if response.status_code == httpx.codes.PARTIAL_CONTENT else "wb"
            with wanted.part.open(mode) as file:
                for chunk in response.iter_raw():
                    file.write(chunk)
                    if file.tell() > wanted.size:
                        break
        if wanted.gathered != wanted.size:
            wanted.part.unlink()
            raise IntegrityError(f"{wanted.name}: the store does not hold the {wanted.size} bytes of the manifest.")


def _wanted(folder: Path, entry: Record) -> Wanted:
    if not _SHA256.fullmatch(entry.sha256):
        raise IntegrityError(f"{entry.path}: expected a SHA-256 in the manifest; got {entry.sha256!r}.")
    path = safe_path(folder, entry.path)
    above, slash, name = entry.path.rpartition("/")
    part = safe_path(folder, f"{above}{slash}.{name}.{entry.sha256[:16]}.part")
    return Wanted(entry.path, path, part, entry.bytes, entry.sha256)


def _accept(wanted: Wanted) -> None:
    came = sha256_of(wanted.part)
    if came != wanted.sha256:
        wanted.part.unlink()
        raise IntegrityError(f"{wanted.name}: expected SHA-256 {wanted.sha256}, got {came}; the file was not kept.")
    wanted.part.replace(wanted.path)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    path = safe_path(folder, MANIFEST_NAME)
    part = safe_path(folder, f".{MANIFEST_NAME}.part")
    part.write_text(json.dumps(manifest.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
