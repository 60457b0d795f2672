"""Tables: JSON lines and comma- or tab-separated values, one record after another."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from jobs.contract.errors import DataUnreadableError

MAX_LINE = 1_000_000
"""Longer lines are not read: they are no records, or none to learn from."""


def lines(path: Path, newline: str | None = None) -> Iterator[str]:
    """Yield each line of a text file.

    Raises:
        DataUnreadableError: one is too long.
    """
    with path.open(encoding="utf-8-sig", newline=newline) as file:
        for number in count(1):
            line = file.readline(MAX_LINE)
            if len(line) == MAX_LINE:
                raise DataUnreadableError(
                    f"Expected lines of fewer than {MAX_LINE} characters; line {number} of {path.name} is longer. "
                    "Put each text on a line of its own."
                )
            if not line:
                return
            yield line


def records(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each record of a table and where it stands; of JSON lines any value, blank lines left out.

    Raises:
        DataUnreadableError: a line is too long, or no JSON.
    """
    yield from READERS[path.suffix.lower()](path)


def _json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines(path), start=1):
        where = f"line {number} of {path.name}"
        try:
            record = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError) as error:
            raise DataUnreadableError(f"Expected a JSON value in {where}; {error}.") from error
        if line.strip():
            yield where, record


def _comma_table(path: Path) -> Iterator[tuple[str, Any]]:
    yield from _table(path, csv.excel)


def _tab_table(path: Path) -> Iterator[tuple[str, Any]]:
    yield from _table(path, _PlainTabs)


class _PlainTabs(csv.excel_tab):
    """Tab-separated values as corpora use them: a quote is a character like any other."""

    quoting = csv.QUOTE_NONE


def _table(path: Path, dialect: type[csv.Dialect]) -> Iterator[tuple[str, Any]]:
    rows = csv.DictReader(lines(path, newline=""), dialect=dialect)
    for row in rows:
        yield f"line {rows.line_num} of {path.name}", row


READERS: Mapping[str, Callable[[Path], Iterator[tuple[str, Any]]]] = {
    ".jsonl": _json_lines,
    ".csv": _comma_table,
    ".tsv": _tab_table,
}
"""How each kind of table is read."""
