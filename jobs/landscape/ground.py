"""The ended points of a landscape beside the dense model, as the answers see them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs.contract.landscape import LandscapePoint, Measure
from jobs.contract.state import JobState
from jobs.landscape.outcome import DENSE, SAME_STEPS
from jobs.landscape.wording import number

CHIEF_COSTS: Mapping[str, str] = {
    "params_total": "parameters",
    "params_nonzero": "parameters that are not zero",
    "macs_executed": "MACs",
    "latency_relative": "wall-clock",
}
"""The costs that answers are about, as they name them."""

LEAST_ZEROS = 0.99
"""Where more than this share of the parameters is not zero, zeros are not worth a word."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What answers stand on.

    Attributes:
        measures: by name.
        dense: the dense model.
        points: jobs' results; the dense model and its control are none.
        control: the dense model after further steps, where there is one.
    """

    measures: Mapping[str, Measure]
    dense: LandscapePoint
    points: tuple[LandscapePoint, ...]
    control: LandscapePoint | None

    @classmethod
    def of(cls, measures: Sequence[Measure], points: Sequence[LandscapePoint]) -> "Ground":
        """Return the ground that *points* make."""
        ended = [each for each in points if each.state == JobState.SUCCEEDED and each.values]
        return cls(
            measures={each.name: each for each in measures},
            dense=next(each for each in points if each.name == DENSE),
            points=tuple(each for each in ended if each.series not in {DENSE, SAME_STEPS}),
            control=next((each for each in ended if each.series == SAME_STEPS), None),
        )

    def costs(self) -> list[str]:
        """Return the chief costs that some point has less of; zeros are a matter of their own where there are any."""
        zeros = any(each.values["params_nonzero"] < LEAST_ZEROS * each.values["params_total"] for each in self.points)
        chief = [name for name in CHIEF_COSTS if zeros or name != "params_nonzero"]
        return [name for name in chief if any((self.share(each, name) or 1) < 1 for each in self.points)]

    def qualities(self) -> list[Measure]:
        """Return what the probes measured, or where there was none, the cosine to the dense model."""
        found = [each for each in self.measures.values() if each.role == "quality"]
        probed = [each for each in found if not each.name.startswith("fidelity_")]
        return probed or [each for each in found if each.name == "fidelity_cosine"]

    def share(self, point: LandscapePoint, measure: str) -> float | None:
        """Return *measure* of *point* over that of the dense model; None where either is missing."""
        own, dense = point.values.get(measure), self.dense.values.get(measure)
        return own / dense if own is not None and dense else None


def gain(point: LandscapePoint, quality: Measure) -> float:
    """Return the quality of *point*, the more the better."""
    return point.values[quality.name] * (-1 if quality.better == "lower" else 1)


def told_apart(one: LandscapePoint, other: LandscapePoint, measure: str) -> bool | None:
    """Return whether the intervals of two points leave each other out; None where one has none."""
    first, second = one.intervals.get(measure), other.intervals.get(measure)
    if first is None or second is None:
        return None
    return first[1] < second[0] or second[1] < first[0]


def verdict(one: LandscapePoint, other: LandscapePoint, measure: str) -> str:
    """Return, for the end of a sentence, that two points are not told apart where their intervals overlap."""
    return " (not told apart: the intervals overlap)" if told_apart(one, other, measure) is False else ""


def said(point: LandscapePoint, measure: str) -> str:
    """Return the figure of *point*, with its interval where it has one."""
    low, high = (number(each) for each in point.intervals.get(measure, (0, 0)))
    interval = f" ({low} to {high})" if measure in point.intervals else ""
    return number(point.values[measure]) + interval


def by_series(points: Iterable[LandscapePoint]) -> dict[str, list[LandscapePoint]]:
    """Return *points* by what they are drawn with."""
    found: dict[str, list[LandscapePoint]] = {}
    for each in points:
        found.setdefault(each.series, []).append(each)
    return found
