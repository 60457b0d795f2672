"""Send a local model folder or data file to the service's store, part by part, by presigned URLs.

Hidden files, empty files and pickled checkpoints stay at home: the last two with a warning that says so.
"""

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

from modelpress import calls
from modelpress.errors import StorageError, UploadRefusedError
from modelpress.files import read_slice
from modelpress.records import Json
from modelpress.transport import Transport

PICKLED = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")  # control characters, and bytes that are no UTF-8


class UploadWarning(UserWarning):
    """A file was left out of an upload."""


def upload(transport: Transport, path: Path) -> str:
    """Send the file, or the files of the folder, at *path*; return the ``upload://`` reference.

    Raises:
        UploadRefusedError: there is nothing to send.
    """
    files = files_to_send(path)
    listing = [{"path": name, "bytes": file.stat().st_size} for name, file in files.items()]
    opened = _Opened(transport, transport.json(calls.once(calls.create_upload(body=calls.body({"files": listing})))))
    sent = [opened.send(name, file) for name, file in files.items()]
    done = transport.json(calls.complete_upload(opened.id, body=calls.body({"files": sent})))
    return str(done["uri"])


def files_to_send(path: Path) -> dict[str, Path]:
    """Return the files to send by their names in the upload, in the order of the names.

    Raises:
        UploadRefusedError: nothing is there, or the only weights are pickled.
    """
    if not path.exists():
        raise UploadRefusedError(f"{path.absolute()} does not exist.")
    found = _named({path.name: path} if path.is_file() else _listed(path))
    pickled = {name for name, file in found.items() if file.suffix.lower() in PICKLED}
    empty = {name for name, file in found.items() if not file.stat().st_size}
    sent = {name: file for name, file in found.items() if name not in pickled | empty}
    _refuse_unusable(path, sent, pickled)
    for names, reason in ((pickled, "pickled, never opened"), (empty, "empty")):
        if names:
            warnings.warn(f"Not uploaded ({reason}): {', '.join(sorted(names))}", UploadWarning, stacklevel=4)
    return sent


def _listed(folder: Path) -> dict[str, Path]:
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    return {name: file for name, file in files.items() if not any(part.startswith(".") for part in name.split("/"))}


def _named(files: dict[str, Path]) -> dict[str, Path]:
    """Return *files* by their names in Unicode's composed form, as every file system but macOS's has them."""
    named = {unicodedata.normalize("NFC", name): file for name, file in files.items()}
    for name, file in named.items():
        if _UNSENDABLE.search(name):
            raise UploadRefusedError(f"{str(file)!r} has a name that not every system can hold; rename the file.")
    if len(named) < len(files):
        raise UploadRefusedError("Two files have the same name but for its Unicode form; rename one of them.")
    return named


def _refuse_unusable(path: Path, sent: dict[str, Path], pickled: set[str]) -> None:
    safe = any(name.endswith(".safetensors") for name in sent)
    if pickled and not safe and ("config.json" in sent or not sent):
        raise UploadRefusedError(
            f"{path.absolute()} has only pickled weights ({', '.join(sorted(pickled))}), and opening those runs code. "
            "Convert them first: AutoModel.from_pretrained(folder).save_pretrained(other_folder) writes safetensors."
        )
    if not sent:
        raise UploadRefusedError(f"{path.absolute()} holds no files to upload, or only empty or hidden ones.")


class _Opened:
    """An upload that waits for its parts.

    Their URLs come some files at a time, hold for some minutes, and are renewed when the store says so.
    """

    def __init__(self, transport: Transport, document: Json) -> None:
        self._transport = transport
        self._part_bytes = int(document["part_bytes"])
        self._urls = _part_urls(document)
        self._sent = 0
        self.id = str(document["id"])

    def send(self, name: str, file: Path) -> Json:
        """Send one file's parts in turn; return what completing the upload needs to know of them."""
        size = file.stat().st_size
        parts = []
        for number, start in enumerate(range(0, size, self._part_bytes), start=1):
            length = min(self._part_bytes, size - start)
            etag = self._put((name, number), partial(read_slice, file, start, length), length)
            parts.append({"number": number, "etag": etag})
        self._sent += 1
        return {"path": name, "parts": parts}

    def _put(self, part: tuple[str, int], body: Callable[[], Iterator[bytes]], length: int) -> str:
        try:
            if part in self._urls:
                return self._transport.put(self._urls[part], body, length)
        except StorageError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
        self._urls = _part_urls(self._transport.json(calls.get_upload(self.id, offset=self._sent)))
        return self._transport.put(self._urls[part], body, length)


def _part_urls(document: Json) -> dict[tuple[str, int], str]:
    return {(file["path"], part["number"]): part["url"] for file in document["files"] for part in file["parts"]}
