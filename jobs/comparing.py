"""Putting a landscape together: what its points have come to, compared and drawn."""

from collections.abc import Sequence
from pathlib import Path

from jobs import charting
from jobs.contract.errors import NoPointSucceededError
from jobs.contract.landscape import LandscapeReport
from jobs.landscape.assemble import assemble
from jobs.landscape.files import write_files
from jobs.landscape.outcome import PointOutcome


def run(outcomes: Sequence[PointOutcome], out: Path) -> LandscapeReport:
    """Write table, page and charts into the folder *out* and return the report.

    Raises:
        NoPointSucceededError: there is nothing to compare.
    """
    if all(each.report is None for each in outcomes):
        raise NoPointSucceededError(f"None of the {len(outcomes)} points came to a result. {_first_error(outcomes)}")
    report = assemble(outcomes)
    write_files(report, out)
    charting.draw(report, out)
    return report


def _first_error(outcomes: Sequence[PointOutcome]) -> str:
    said = ((each.name, each.error["message"]) for each in outcomes if each.error)
    return "The first to fail, {}: {}".format(*next(said, ("none", "all were cancelled.")))
