"""Which files of a folder are read, and which samples of them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from jobs.batches import Batch
from jobs.contract.errors import DataNotFoundError

T = TypeVar("T")

LABELS = "metadata"
"""Stem of the file that holds labels beside the data; it is not data itself."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A batch, and which of the samples it holds: their places among all, one for each sequence."""

    places: Sequence[int]
    batch: Batch


def files_of(folder: Path, endings: Collection[str]) -> list[Path]:
    """Return the files below *folder* with one of *endings*, sorted; hidden ones and label tables left out.

    Raises:
        DataNotFoundError: there is none.
    """
    candidates = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in candidates if path.suffix.lower() in endings and _is_data(path.relative_to(folder))]
    if not found:
        shown = ", ".join(path.name for path in candidates[:3]) or "nothing"
        raise DataNotFoundError(f"Expected files ending in {', '.join(sorted(endings))}; the data holds {shown}.")
    return found


def evenly(items: Sequence[T], count: int) -> list[T]:
    """Return up to *count* of *items*, evenly spaced, in their order."""
    return [items[index * len(items) // count] for index in range(count)] if len(items) > count else list(items)


def spread(items: Iterable[T], count: int) -> list[T]:
    """Return up to *count* of a stream of unknown length, about evenly spaced; holds 2 × *count* at most."""
    kept: list[T] = []
    stride = 1
    for index, item in enumerate(items):
        if index % stride == 0:
            kept.append(item)
        if len(kept) == 2 * count:
            kept, stride = kept[::2], 2 * stride
    return evenly(kept, count)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield *items* in lists of *size*; the last may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _is_data(path: Path) -> bool:
    return path.stem != LABELS and not any(part.startswith(".") for part in path.parts)
