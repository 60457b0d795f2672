"""The published landscape as a report to be drawn: quality as published, cost as it was measured here."""

from collections.abc import Mapping
from typing import Any

from deploy.landscape.published import POINTS, Published
from jobs.contract.landscape import LandscapePoint, LandscapeReport, Measure
from jobs.contract.state import JobState
from jobs.landscape.answers import answers
from jobs.landscape.pareto import fronts

PHONE_ERROR_RATE = Measure(
    "phone_error_rate",
    "Phone error rate, as published",
    "%",
    "quality",
    "lower",
    "SUPERB's phone recognition, read off the published figures to about one in a hundred; not measured here.",
)
WARNING = "Weights are random and nothing was trained: quality is what is published, cost what was measured here."


def charted(report: Mapping[str, Any]) -> LandscapeReport:
    """Return what is published of the models in *report*, a landscape's, against what was measured of them."""
    measures = (*(Measure(**each) for each in report["measures"] if each["role"] == "cost"), PHONE_ERROR_RATE)
    found = {point["name"]: point for point in report["points"]}
    points = tuple(_point(each, found[each.name]) for each in POINTS)
    best = fronts(measures, points)
    return LandscapeReport(
        model=report["model"],
        complete=True,
        measures=measures,
        points=points,
        fronts=best,
        answers=tuple(answers(measures, points, best)),
        warnings=(WARNING,),
        environments=tuple(report["environments"]),
    )


def _point(published: Published, measured: Mapping[str, Any]) -> LandscapePoint:
    return LandscapePoint(
        name=published.name,
        series=published.series,
        job=None,
        state=JobState.SUCCEEDED.value,
        reused=False,
        values={**measured["values"], PHONE_ERROR_RATE.name: published.phone_error_rate},
        intervals={name: tuple(ends) for name, ends in measured["intervals"].items()},
    )
