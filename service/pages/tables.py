"""A table as plain data: what it says, without how it looks."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first cell of each row is its own heading.

    Attributes:
        caption: what it shows.
        head: one heading for each column.
        rows: as many cells each.
        notes: sentences that belong below it.
        numeric: whether the cells beside the first are figures.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    numeric: bool = True
