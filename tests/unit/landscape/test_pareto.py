"""Fronts and knees, held to what their words mean."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import ended

from jobs.landscape.assemble import assemble
from jobs.landscape.outcome import SAME_STEPS
from jobs.landscape.pareto import Place, fronts, knee, undominated

COORDINATES = st.one_of(st.integers(0, 5).map(float), st.floats(-1e6, 1e6))
PLACES = st.lists(st.tuples(COORDINATES, COORDINATES), max_size=30).map(
    lambda pairs: [Place(str(index), *pair) for index, pair in enumerate(pairs)]
)


def beats(one: Place, other: Place) -> bool:
    """Return whether *one* is as good in both and better in one, by the definition alone."""
    as_good = one.cost <= other.cost and one.gain >= other.gain
    return as_good and (one.cost, one.gain) != (other.cost, other.gain)


@given(PLACES)
def test_the_front_is_what_no_other_beats(places: list[Place]) -> None:
    """A place is on the front exactly if no other beats it; equals stay together."""
    front = {each.name for each in undominated(places)}

    assert front == {each.name for each in places if not any(beats(other, each) for other in places)}


@given(PLACES)
def test_the_front_rises_with_its_cost(places: list[Place]) -> None:
    """From the cheapest on, neither cost nor gain ever falls."""
    front = undominated(places)

    assert all(a.cost <= b.cost and a.gain <= b.gain for a, b in pairwise(front))


@given(PLACES, st.floats(0.1, 1000), st.floats(0.1, 1000))
def test_units_do_not_move_the_knee(places: list[Place], of_cost: float, of_gain: float) -> None:
    """What is a knee in bytes is one in megabytes."""
    front = undominated([Place(each.name, round(each.cost), round(each.gain)) for each in places])
    scaled = [Place(each.name, each.cost * of_cost, each.gain * of_gain) for each in front]
    found, again = knee(front), knee(scaled)

    assert (found is None) == (again is None) or abs(_bend(front, found or again) - 0.05) < 1e-6
    assert found is None or again is None or _bend(front, found) == pytest.approx(_bend(front, again))


def _bend(front: list[Place], at: Place | None) -> float:
    (at,) = [each for each in front if at is not None and each.name == at.name]
    width, height = front[-1].cost - front[0].cost, front[-1].gain - front[0].gain
    return (at.gain - front[0].gain) / height - (at.cost - front[0].cost) / width


def test_a_straight_front_has_no_knee() -> None:
    """Where each gain costs the same, no point is where more begins to buy less."""
    assert knee([Place(str(cost), cost, 3.0 * cost) for cost in range(5)]) is None


def test_the_knee_is_where_gains_stop() -> None:
    """Of a front that climbs and then creeps, the knee is the corner."""
    front = [Place("a", 1, 0), Place("corner", 2, 0.9), Place("c", 5, 0.95), Place("d", 9, 1)]
    found = knee(front)

    assert found is not None
    assert found.name == "corner"


def test_two_points_have_no_knee() -> None:
    """A line has no bend."""
    assert knee([Place("a", 1, 0), Place("b", 2, 1)]) is None


def test_a_point_without_a_figure_is_on_no_front_of_it() -> None:
    """What was not timed is left out of the wall-clock's front, and stands on that of the parameters."""
    report = assemble([ended("timed", "a", params=0.5), ended("untimed", "a", params=0.4, cosine=0.96, timed=False)])
    on = {each.cost: each.points for each in report.fronts if each.quality == "fidelity_cosine"}

    assert on["latency_relative"] == ("timed", "dense")
    assert on["params_total"] == ("untimed", "dense")


def test_the_trained_dense_model_is_on_no_front() -> None:
    """The control is nobody's result: it does not take the dense model's place."""
    report = assemble([ended("a", "a", params=0.5, control=1.1)])

    assert any(each.name == SAME_STEPS for each in report.points)
    assert not any(SAME_STEPS in each.points for each in fronts(report.measures, report.points))
