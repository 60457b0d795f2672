"""Tables of figures: as text, as HTML for notebooks, and as data frames of pandas."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

Row = tuple[str, ...]
"""A title and its cells; the titles of the columns are a row without a title of its own."""


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """Yield *rows* as lines of text, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def html_of(rows: Iterable[Row], remarks: Iterable[str]) -> str:
    """Return *rows* as a table of HTML, and *remarks* as a list under it."""
    listed = "".join(f"<li>{escape(each)}</li>" for each in remarks)
    return f"<table>{''.join(map(_html_row, rows))}</table>" + (f"<ul>{listed}</ul>" if listed else "")


def frame_of(figures: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return *figures*, rows by title and values by column, as a data frame of pandas.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas  # noqa: ICN001, PLC0415 - only who asks for a frame needs it
    except ImportError as error:
        raise ImportError("A data frame needs pandas: pip install pandas.") from error
    return pandas.DataFrame(list(figures.values()), index=list(figures))


def _html_row(row: Row) -> str:
    cell = "td" if row[0] else "th"
    cells = "".join(f"<{cell}>{escape(each)}</{cell}>" for each in row[1:])
    return f'<tr><th style="text-align: left">{escape(row[0])}</th>{cells}</tr>'
