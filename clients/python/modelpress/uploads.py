"""Send a local model folder or data file to the service's store, part by part, by presigned URLs.

Hidden files, empty files and pickled checkpoints stay at home: the last two with a warning that says so.
"""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

from modelpress import calls
from modelpress.errors import UploadRefusedError
from modelpress.files import read_slice
from modelpress.transport import Transport

PICKLED = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})


class UploadWarning(UserWarning):
    """A file was left out of an upload."""


def upload(transport: Transport, path: Path) -> str:
    """Send the file, or the files of the folder, at *path*; return the ``upload://`` reference.

    Raises:
        UploadRefusedError: there is nothing to send.
    """
    files = files_to_send(path)
    listing = [{"path": name, "bytes": file.stat().st_size} for name, file in files.items()]
    opened = transport.json(calls.create_upload(body=calls.body({"files": listing})))
    sent = [_send(transport, files[entry["path"]], entry, opened["part_bytes"]) for entry in opened["files"]]
    done = transport.json(calls.complete_upload(opened["id"], body=calls.body({"files": sent})))
    return str(done["uri"])


def files_to_send(path: Path) -> dict[str, Path]:
    """Return the files to send by their names in the upload, in the order of the names.

    Raises:
        UploadRefusedError: nothing is there, or the only weights are pickled.
    """
    if not path.exists():
        raise UploadRefusedError(f"{path.absolute()} does not exist.")
    found = {path.name: path} if path.is_file() else _listed(path)
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


def _refuse_unusable(path: Path, sent: dict[str, Path], pickled: set[str]) -> None:
    safe = any(name.endswith(".safetensors") for name in sent)
    if pickled and not safe and ("config.json" in sent or not sent):
        raise UploadRefusedError(
            f"{path.absolute()} has only pickled weights ({', '.join(sorted(pickled))}), and opening those runs code. "
            "Convert them first: AutoModel.from_pretrained(folder).save_pretrained(other_folder) writes safetensors."
        )
    if not sent:
        raise UploadRefusedError(f"{path.absolute()} holds no files to upload, or only empty or hidden ones.")


def _send(transport: Transport, file: Path, entry: dict[str, Any], part_bytes: int) -> dict[str, Any]:
    """Send one file's parts in turn; return what completing the upload needs to know about it."""
    size = file.stat().st_size
    parts = []
    for part in entry["parts"]:
        start = (part["number"] - 1) * part_bytes
        length = min(part_bytes, size - start)
        etag = transport.put(part["url"], partial(read_slice, file, start, length), length)
        parts.append({"number": part["number"], "etag": etag})
    return {"path": entry["path"], "parts": parts}
