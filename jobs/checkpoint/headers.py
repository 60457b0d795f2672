"""Check safetensors files before anything is allocated for them.

Format: eight bytes, little-endian, give the header's length; the header is a JSON object of tensors, each
``{dtype, shape, data_offsets}``; then come the tensors' bytes, without gaps. Source: the format's published
description (github.com/huggingface/safetensors, README).
"""

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from jobs.contract.errors import CorruptCheckpointError

LENGTH_BYTES = 8
HEADER_MAX_BYTES = 25_000_000
"""Room for 250 bytes on each tensor; the parsed header takes about ten times as much memory."""
TENSORS_MAX = 100_000
DIMENSIONS_MAX = 16
BYTES_OF = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a tensor are: in *file* from byte *begin* on, numbers of the type that the format calls so."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int


def tensors_in(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor in *file*, whose header has been checked against the file's size.

    Raises:
        CorruptCheckpointError: the header is not what the format asks for, or the file is shorter or longer.
    """
    return {name: place.shape for name, place in places_in(file).items()}


def places_in(file: Path) -> dict[str, Place]:
    """Return where every tensor in *file* is; raises what ``tensors_in`` does."""
    header, data_bytes = _header(file)
    data_begins = file.stat().st_size - data_bytes
    spans, places = [], {}
    for name, entry in header.items():
        shape, span = _tensor(file, name, entry)
        spans.append(span)
        places[name] = Place(file, entry["dtype"], shape, data_begins + span[0])
    _check_cover(file, sorted(spans), data_bytes)
    return places


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """Return the tensors' entries and how many bytes of data follow them."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        if not 0 < length <= min(HEADER_MAX_BYTES, size - LENGTH_BYTES):
            raise _corrupt(file, f"a header of {length} bytes, in a file of {size}")
        raw = stream.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _corrupt(file, "a header that is not JSON") from error
    if not isinstance(header, dict) or len(header) > TENSORS_MAX:
        raise _corrupt(file, f"a header that is not an object of at most {TENSORS_MAX} tensors")
    header.pop("__metadata__", None)
    return header, size - LENGTH_BYTES - length


def _tensor(file: Path, name: str, entry: Any) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return the shape and the span of one tensor, whose bytes are those of its shape and type."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, span = fields.get("dtype"), _counts(fields.get("shape")), _counts(fields.get("data_offsets"))
    if (
        not isinstance(dtype, str)
        or dtype not in BYTES_OF
        or shape is None
        or span is None
        or len(shape) > DIMENSIONS_MAX
    ):
        raise _corrupt(file, f"tensor {name[:80]!r} described as {repr(entry)[:100]}")
    if len(span) != 2 or span[1] - span[0] != math.prod(shape) * BYTES_OF[dtype]:  # noqa: PLR2004 - begin and end
        raise _corrupt(file, f"tensor {name[:80]!r}, {dtype} of shape {str(shape)[:100]}, at {str(span)[:100]}")
    return shape, (span[0], span[1])


def _counts(values: Any) -> tuple[int, ...] | None:
    """Return *values* if they are a list of counts, else None."""
    fine = isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
    return tuple(values) if fine else None


def _check_cover(file: Path, spans: list[tuple[int, int]], data_bytes: int) -> None:
    """Raise unless the tensors cover the data once, from its first byte to its last."""
    ends = [(0, 0), *spans, (data_bytes, data_bytes)]
    for before, after in pairwise(ends):
        if before[1] != after[0]:
            raise _corrupt(file, f"tensors that end at byte {before[1]} where the next begin at {after[0]}")


def _corrupt(file: Path, came: str) -> CorruptCheckpointError:
    return CorruptCheckpointError(
        f"Expected {file.name} to be a whole safetensors file; got {came}. Send the file again, or save it again."
    )
