"""Which points no other beats, and where their front bends.

Source: Satopää et al., Finding a "Kneedle" in a Haystack, ICDCS workshops 2011: the knee of a curve on normalised
    axes lies where it is furthest from the chord between its ends.
Differs: the curve is a front of few measured points, so it is neither smoothed nor thresholded by sensitivity; a
    bend of less than ``LEAST_BEND`` is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from jobs.contract.landscape import Front, LandscapePoint, Measure
from jobs.landscape.outcome import SAME_STEPS

LEAST_BEND = 0.05
"""How far from the chord a knee lies, as a share of the front's extent."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point on a chart.

    Attributes:
        name: of the point.
        cost: the less the better.
        gain: the more the better.
    """

    name: str
    cost: float
    gain: float


def fronts(measures: Sequence[Measure], points: Sequence[LandscapePoint]) -> tuple[Front, ...]:
    """Return the front of each cost with each quality, of the points that have both.

    The dense model after further steps is on none: it is held against the points, and no job's result.
    """
    costs, qualities = ([each for each in measures if each.role == role] for role in ("cost", "quality"))
    return tuple(_front(cost, quality, points) for cost in costs for quality in qualities)


def undominated(places: Sequence[Place]) -> list[Place]:
    """Return, by rising cost, the places that no other equals or beats in both and beats in one.

    Places that are equal in both stay together.
    """
    kept: list[Place] = []
    for each in sorted(places, key=lambda place: (place.cost, -place.gain)):
        if not kept or each.gain > kept[-1].gain or (each.cost, each.gain) == (kept[-1].cost, kept[-1].gain):
            kept.append(each)
    return kept


def knee(front: Sequence[Place]) -> Place | None:
    """Return where *front*, by rising cost, is furthest above the chord between its ends; None if it has no bend."""
    if len(front) < 3:  # noqa: PLR2004 - two points are a chord
        return None
    width, height = front[-1].cost - front[0].cost, front[-1].gain - front[0].gain
    if width <= 0 or height <= 0:
        return None

    def bend(place: Place) -> float:
        return (place.gain - front[0].gain) / height - (place.cost - front[0].cost) / width

    furthest = max(front, key=bend)
    return furthest if bend(furthest) >= LEAST_BEND else None


def _front(cost: Measure, quality: Measure, points: Sequence[LandscapePoint]) -> Front:
    front = undominated(list(_places(cost, quality, points)))
    bend = knee(front)
    return Front(cost.name, quality.name, tuple(each.name for each in front), None if bend is None else bend.name)


def _places(cost: Measure, quality: Measure, points: Sequence[LandscapePoint]) -> Iterator[Place]:
    sign = -1 if quality.better == "lower" else 1
    for each in points:
        given, got = each.values.get(cost.name), each.values.get(quality.name)
        if each.series != SAME_STEPS and given is not None and got is not None and isfinite(given) and isfinite(got):
            yield Place(each.name, given, sign * got)
