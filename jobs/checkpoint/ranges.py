"""Read tensors by their byte ranges, into memory of their own: nothing of a file stays mapped or held.

A mapped file counts towards a process's memory page by page as it is touched, up to all of it; here a reader holds
what it asked for and no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import RawIOBase
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from jobs.checkpoint.headers import BYTES_OF, Place, places_in
from jobs.checkpoint.reader import weight_files
from jobs.contract.errors import CorruptCheckpointError

TYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I16": torch.int16,
    "U16": torch.uint16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "U32": torch.uint32,
    "F32": torch.float32,
    "I64": torch.int64,
    "U64": torch.uint64,
    "F64": torch.float64,
}
"""What the format calls the types of numbers."""

PIECE = 2**22
"""Numbers that are held at a time of a tensor which is only copied."""


def places(directory: Path) -> dict[str, Place]:
    """Return where every tensor of the checkpoint in *directory* is, by its name there."""
    return {name: place for file in weight_files(directory) for name, place in places_in(file).items()}


def read(place: Place) -> Tensor:
    """Return the tensor at *place*.

    Raises:
        CorruptCheckpointError: the file has become shorter.
    """
    tensor = torch.empty(place.shape, dtype=TYPES[place.dtype])
    with place.file.open("rb", buffering=0) as stream:
        stream.seek(place.begin)
        _fill(bytes_of(tensor), stream, place)
    return tensor


def read_rows(place: Place, rows: Sequence[int]) -> Tensor:
    """Return some rows of the matrix at *place*, in the order asked for."""
    count, *rest = place.shape
    size = prod(rest) * BYTES_OF[place.dtype]
    wanted = (replace(place, shape=tuple(rest), begin=place.begin + (row % count) * size) for row in rows)
    return torch.stack([read(each) for each in wanted])


def pieces(value: Tensor | Place) -> Iterator[Tensor]:
    """Yield the numbers of a tensor, from memory or from its place, flat and a piece at a time."""
    if isinstance(value, Tensor):
        yield from torch.split(value.detach().contiguous().flatten(), PIECE)
        return
    total = prod(value.shape)
    for first in range(0, total, PIECE):
        begin = value.begin + first * BYTES_OF[value.dtype]
        yield read(replace(value, shape=(min(PIECE, total - first),), begin=begin))


def bytes_of(tensor: Tensor) -> memoryview:
    """Return the memory of *tensor*, which has no gaps."""
    return tensor.detach().reshape(-1).view(torch.uint8).numpy().data


def _fill(room: memoryview, stream: RawIOBase, place: Place) -> None:
    while len(room):
        got = stream.readinto(room)
        if not got:
            raise CorruptCheckpointError(f"Expected {place.file.name} to be whole; it ends within a tensor.")
        room = room[got:]
