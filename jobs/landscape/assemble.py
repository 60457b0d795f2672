"""From what a landscape's compressions reported to what they come to together, as far as they have come."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from jobs.contract.landscape import LandscapePoint, LandscapeReport
from jobs.contract.state import JobState
from jobs.landscape.answers import answers
from jobs.landscape.cautions import cautions
from jobs.landscape.measures import measures_of
from jobs.landscape.outcome import DENSE, SAME_STEPS, PointOutcome
from jobs.landscape.pareto import fronts
from jobs.landscape.readings import Readings, of_control, of_side, unkeyed

Report = Mapping[str, Any]

_MACHINE_BOUND = ("latency_ms", "real_time_factor")


def assemble(outcomes: Sequence[PointOutcome]) -> LandscapeReport:
    """Return what the points have come to; those that have not ended are in it without figures."""
    reports = [each.report for each in outcomes if each.report is not None]
    complete = all(each.state.terminal for each in outcomes)
    measures = measures_of(reports)
    points = (_dense(reports, complete=complete), *map(_point, outcomes), *_control(outcomes))
    return LandscapeReport(
        model=reports[0]["model"] if reports else {},
        complete=complete,
        measures=measures,
        points=points,
        fronts=(found := fronts(measures, points)),
        answers=tuple(answers(measures, points, found)),
        warnings=tuple(cautions(outcomes)),
        environments=tuple(_once(each["environment"] for each in reports)),
    )


def _point(outcome: PointOutcome) -> LandscapePoint:
    readings = {} if outcome.report is None else of_side(outcome.report, "compressed")
    return LandscapePoint(
        name=outcome.name,
        series=outcome.series,
        job=outcome.job,
        state=outcome.state.value,
        reused=outcome.reused,
        values=_values(readings),
        intervals=_intervals(readings),
        warnings=() if outcome.report is None else tuple(outcome.report["warnings"]),
        error=outcome.error,
    )


def _dense(reports: Sequence[Report], *, complete: bool) -> LandscapePoint:
    """Return the dense model: its counts from the first report, its times over all runs that took them."""
    if not reports:
        state = JobState.FAILED if complete else JobState.RUNNING
        return LandscapePoint(DENSE, DENSE, None, state.value, reused=False)
    sides = [of_side(each, "dense") for each in reports]
    readings = {name: reading for side in reversed(sides) for name, reading in side.items()}
    timed = {
        name: (median(side[name][0] for side in sides if name in side),)
        for name in readings
        if unkeyed(name) in _MACHINE_BOUND
    }
    readings |= timed
    values, intervals = _values(readings), _intervals(readings)
    return LandscapePoint(
        DENSE, DENSE, None, JobState.SUCCEEDED.value, reused=False, values=values, intervals=intervals
    )


def _control(outcomes: Iterable[PointOutcome]) -> Iterator[LandscapePoint]:
    """Yield the dense model after the steps of recovery, from the first report that has it."""
    for each in outcomes:
        if each.report is not None and (readings := of_control(each.report)):
            values, intervals = _values(readings), _intervals(readings)
            state = JobState.SUCCEEDED.value
            yield LandscapePoint(SAME_STEPS, SAME_STEPS, each.job, state, each.reused, values, intervals)
            return


def _values(readings: Readings) -> dict[str, float]:
    return {name: reading[0] for name, reading in readings.items()}


def _intervals(readings: Readings) -> dict[str, tuple[float, ...]]:
    return {name: reading[1:] for name, reading in readings.items() if len(reading) > 1}


def _once(documents: Iterable[Report]) -> list[Report]:
    found: list[Report] = []
    for each in documents:
        if each not in found:
            found.append(each)
    return found
