"""A landscape as a table: one row a point, one column a measure, as CSV (RFC 4180)."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from jobs.contract.landscape import LandscapePoint, LandscapeReport

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the start of a formula.

Source: OWASP, CSV Injection.
"""


def to_csv(report: LandscapeReport) -> str:
    """Return the points of *report* with a header; the ends of an interval follow its value in columns of their own.

    Figures that were not measured are empty. A text that a spreadsheet would run as a formula begins with a ``'``.
    """
    columns = list(_columns(report))
    out = StringIO()
    rows = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    rows.writeheader()
    rows.writerows(_row(point) for point in report.points)
    return out.getvalue()


def _columns(report: LandscapeReport) -> Iterator[str]:
    yield from ("name", "series", "state", "job", "reused")
    for each in report.measures:
        yield each.name
        if any(each.name in point.intervals for point in report.points):
            yield from (f"{each.name}_low", f"{each.name}_high")
    yield from ("error", "warnings")


def _row(point: LandscapePoint) -> dict[str, Any]:
    texts = {
        "name": point.name,
        "series": point.series,
        "state": point.state,
        "job": point.job or "",
        "reused": str(point.reused).lower(),
        "error": _error(point.error or {}),
        "warnings": " ".join(point.warnings),
    }
    figures: dict[str, float] = dict(point.values)
    for name, (low, high) in point.intervals.items():
        figures |= {f"{name}_low": low, f"{name}_high": high}
    return {name: _harmless(text) for name, text in texts.items()} | figures


def _error(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
