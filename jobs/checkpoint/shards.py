"""Write a checkpoint's weights part by part, holding none: each part becomes a file of its own, and an index tells all.

The names that tensors get in the end may be known only when the last is written, so each header has room to grow; the
format allows spaces after it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from jobs.checkpoint.headers import BYTES_OF, LENGTH_BYTES, Place
from jobs.checkpoint.precision import too_large
from jobs.checkpoint.ranges import TYPES, bytes_of, pieces
from jobs.contract.spec import Json

ROOM = 64
"""Bytes that the name of a tensor may grow by."""

_NAMES = {dtype: name for name, dtype in TYPES.items()}


@dataclass(slots=True)
class ShardWriter:
    """The files of one checkpoint in the making.

    Attributes:
        out: their folder.
        nonzero: how many numbers of each tensor are not zero.
    """

    out: Path
    nonzero: dict[str, int] = field(default_factory=dict)
    _parts: list[Json] = field(default_factory=list)

    def add(self, tensors: Mapping[str, Tensor | Place], dtypes: Mapping[str, torch.dtype]) -> None:
        """Write *tensors*, from memory or copied from their places, as a part, each in the type that *dtypes* says.

        Raises:
            NotApplicableError: a number is too large for its type.
        """
        if not tensors:
            return
        header: Json = {}
        end = 0
        for name, value in tensors.items():
            kind = _NAMES[dtypes[name]]
            begin, end = end, end + _count(value) * BYTES_OF[kind]
            header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [begin, end]}
        self._parts.append(header)
        with self._file(len(self._parts)).open("wb") as stream:
            text = json.dumps(header).encode()
            room = len(text) + ROOM * (len(header) + 1)
            stream.write(_framed(text, room + -room % LENGTH_BYTES))
            for name, value in tensors.items():
                self.nonzero[name] = 0
                for piece in pieces(value):
                    stream.write(bytes_of(_converted(name, piece, dtypes[name])))
                    self.nonzero[name] += int(piece.count_nonzero())

    def close(self, names: Mapping[str, str]) -> None:
        """Give the tensors their final *names*, the files theirs, and write the index if there are several."""
        total = len(self._parts)
        where: dict[str, str] = {}
        for number, header in enumerate(self._parts, start=1):
            file = f"model-{number:05}-of-{total:05}.safetensors" if total > 1 else SAFE_WEIGHTS_NAME
            settled = {names[name]: entry for name, entry in header.items()}
            _rename(self._file(number), settled)
            self._file(number).replace(self.out / file)
            where |= dict.fromkeys(settled, file)
        if total > 1:
            size = sum(max(entry["data_offsets"][1] for entry in header.values()) for header in self._parts)
            index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}
            (self.out / SAFE_WEIGHTS_INDEX_NAME).write_text(json.dumps(index, indent=2) + "\n")

    def _file(self, number: int) -> Path:
        return self.out / f"weights.part{number}"


def _rename(file: Path, header: Json) -> None:
    with file.open("r+b") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        stream.seek(0)
        stream.write(_framed(json.dumps({"__metadata__": {"format": "pt"}} | header).encode(), length))


def _framed(text: bytes, length: int) -> bytes:
    if len(text) > length:
        raise ValueError(f"Expected a header of at most {length} bytes; got {len(text)}: names grew too much.")
    return length.to_bytes(LENGTH_BYTES, "little") + text.ljust(length)


def _count(value: Tensor | Place) -> int:
    return torch.Size(value.shape).numel()


def _converted(name: str, piece: Tensor, dtype: torch.dtype) -> Tensor:
    smaller = piece.to(dtype)
    if piece.is_floating_point() and bool((smaller.isinf() & piece.isfinite()).any()):
        raise too_large(name, piece, dtype)
    return smaller
