"""The published landscape as a report to be drawn: quality as published, cost as it came out here."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.contract.landscape import LandscapePoint, LandscapeReport, Measure
from jobs.contract.state import JobState
from jobs.landscape.answers import answers
from jobs.landscape.pareto import fronts

Row = Mapping[str, Any]

MEASURES = (
    Measure(
        "params",
        "Parameters, of pruned weights those that are not zero",
        "",
        "cost",
        "lower",
        "Counted in the models that the service made of one with random weights; equal to the published integers.",
    ),
    Measure(
        "macs_per_second",
        "MACs per second of speech, of pruned weights without zeros",
        "MACs/s",
        "cost",
        "lower",
        "Counted on a recording of mean length; within half a per cent of what is published.",
    ),
    Measure(
        "latency_relative",
        "Wall-clock relative to dense",
        "× dense",
        "cost",
        "lower",
        "Measured in pairs with the dense model on one CPU thread; not published.",
    ),
    Measure(
        "phone_error_rate",
        "Phone error rate as published",
        "%",
        "quality",
        "lower",
        "SUPERB's phone recognition, read off the published figures to about one in a hundred; not measured here.",
    ),
)


def charted(
    model: Mapping[str, Any], rows: Sequence[Row], environments: Sequence[Mapping[str, Any]]
) -> LandscapeReport:
    """Return the report of *rows*, as ``deploy.landscape.paper`` has compared them."""
    points = tuple(map(_point, rows))
    found = fronts(MEASURES, points)
    return LandscapeReport(
        model=model,
        complete=True,
        measures=MEASURES,
        points=points,
        fronts=found,
        answers=tuple(answers(MEASURES, points, found)),
        warnings=(
            "Weights are random and nothing was trained: quality is what is published, cost what was made here.",
        ),
        environments=tuple(environments),
    )


def _point(row: Row) -> LandscapePoint:
    interval = row["latency_interval"]
    return LandscapePoint(
        name=row["name"],
        series=row["series"],
        job=None,
        state=JobState.SUCCEEDED.value,
        reused=False,
        values={
            "params": row["params"],
            "macs_per_second": row["giga_macs_per_second"] * 1e9,
            "latency_relative": row["latency"],
            "phone_error_rate": row["phone_error_rate"],
        },
        intervals={} if interval is None else {"latency_relative": tuple(interval)},
    )
