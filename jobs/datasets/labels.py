"""Labelled data: recordings or images beside a table that names them, or tables of texts.

The ``audiofolder`` and ``imagefolder`` convention: a ``metadata.csv`` or ``metadata.jsonl`` beside the files, with a
``file_name`` for each and columns of labels. Texts stand in the tables themselves.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from jobs.batches import Modality
from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets import audio, images, text
from jobs.datasets.files import LABELS, Placed, spread
from jobs.datasets.tables import READERS, records

FILE_NAME = "file_name"


@dataclass(frozen=True, slots=True)
class Row:
    """One sample: what the table says of it, where that stands, and its file where it has one."""

    where: str
    values: Mapping[str, Any]
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Labelled samples of a folder, in their order."""

    rows: Sequence[Row]

    def column(self, name: str) -> list[str]:
        """Return what the column *name* says of each sample.

        Raises:
            DataUnreadableError: there is no such column, or it is empty somewhere.
        """
        return [_cell(row, name) for row in self.rows]

    def numbers(self, name: str) -> list[float]:
        """Return the numbers of the column *name*.

        Raises:
            DataUnreadableError: there is no such column, or something else than a finite number in it.
        """
        return [_number(cell, name, row) for cell, row in zip(self.column(name), self.rows, strict=True)]

    def items(self, label: str) -> tuple[Path | str, ...]:
        """Return what a model reads of each sample: its file, or the text beside *label*.

        Raises:
            DataUnreadableError: there is no text.
        """
        return tuple(row.file or text.text_of(row.values, row.where, beside=label) for row in self.rows)


def read_table(folder: Path, modality: Modality, samples: int) -> Table:
    """Return up to *samples* labelled samples below *folder*, evenly spread over it.

    Raises:
        DataNotFoundError: there is no table, or no row in it.
        DataUnreadableError: a row cannot be read, or names a file that is not there.
    """
    tables = _tables(folder, modality)
    rows = spread((row for table in tables for row in _rows(table, modality)), samples)
    if not rows:
        raise DataNotFoundError(f"Expected rows in {tables[0].name}; it has none.")
    return Table(rows)


def placed(items: Sequence[Path | str], *, modality: Modality, model_dir: Path, whole: bool = False) -> list[Placed]:
    """Return batches of all *items* of a table as the model of *model_dir* takes them; *whole* recordings if asked.

    Raises:
        DataUnreadableError: an item, or what the model reads it with, cannot be used.
    """
    if modality == "text":
        return text.place([str(item) for item in items], model_dir, BATCH)
    files = [Path(item) for item in items]
    if modality == "audio":
        return audio.place(files, model_dir, BATCH, whole=whole)
    return images.place(files, model_dir, BATCH)


BATCH = 8
"""Samples that go through a model together."""


def _tables(folder: Path, modality: Modality) -> list[Path]:
    candidates = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in candidates if path.suffix.lower() in READERS]
    if modality == "text":
        wanted, chosen = ".jsonl, .csv or .tsv files of texts with their labels", found
    else:
        wanted, chosen = (
            f"a {LABELS}.csv or {LABELS}.jsonl that names the files and their labels",
            [path for path in found if path.stem == LABELS],
        )
    if not chosen:
        shown = ", ".join(path.name for path in candidates[:3]) or "nothing"
        raise DataNotFoundError(f"Expected {wanted}; the data holds {shown}. Add the table, or leave the probe out.")
    return chosen


def _rows(table: Path, modality: Modality) -> Iterator[Row]:
    try:
        for where, record in records(table):
            if not isinstance(record, dict):
                raise DataUnreadableError(f"Expected an object with columns in {where}; got {str(record)[:60]!r}.")
            yield Row(where, record, None if modality == "text" else _file(table.parent, record, where))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataUnreadableError(f"Expected UTF-8 text in {table.name}; {error}.") from error


def _file(folder: Path, record: Mapping[str, Any], where: str) -> Path:
    """Return the file that a record names, which lies in *folder* or below."""
    name = record.get(FILE_NAME)
    if not isinstance(name, str) or not name:
        raise DataUnreadableError(f"Expected a {FILE_NAME} in {where}; it has {_shown(record)}.")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise DataUnreadableError(f"Expected the file {name!r} beside its table; {where} names it and it is not there.")
    return path


def _cell(row: Row, name: str) -> str:
    if name not in row.values:
        raise DataUnreadableError(f"Expected a column {name!r} in {row.where}; it has {_shown(row.values)}.")
    cell = row.values[name]
    if cell is None or isinstance(cell, dict | list) or not str(cell).strip():
        raise DataUnreadableError(f"Expected a {name} in {row.where}; got {cell!r}. Fill it in, or remove the row.")
    return str(cell).strip()


def _number(cell: str, name: str, row: Row) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise DataUnreadableError(f"Expected a number as the {name} in {row.where}; got {cell[:60]!r}.")
    return number


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(str(name) for name in values) or "no columns"
