"""Which local files an upload sends, and in which parts.

Hidden files, empty files and pickled checkpoints stay at home: the last two with a warning that says so.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelpress.errors import UploadRefusedError

PICKLED = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")  # control characters, and bytes that are no UTF-8


class UploadWarning(UserWarning):
    """A file was left out of an upload."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file.

    Attributes:
        index: of the file in the upload, from 0.
        name: of the file in the upload.
        number: of the part in the file, from 1.
        file: where the file is.
        start: first byte of the part in the file.
        length: bytes of the part.
    """

    index: int
    name: str
    number: int
    file: Path
    start: int
    length: int


def parts_of(files: dict[str, Path], part_bytes: int) -> Iterator[Part]:
    """Yield the parts of *files* in their order."""
    for index, (name, file) in enumerate(files.items()):
        size = file.stat().st_size
        for number, start in enumerate(range(0, size, part_bytes), start=1):
            yield Part(index, name, number, file, start, min(part_bytes, size - start))


def files_to_send(path: Path) -> dict[str, Path]:
    """Return the files to send by their names in the upload, in the order of the names.

    Raises:
        UploadRefusedError: nothing is there, or the only weights are pickled.
    """
    if not path.exists():
        raise UploadRefusedError(
            f"{path.absolute()} is not there; expected a local path, or s3://…, hf://… or upload://…"
        )
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
