"""Levels chosen for a budget: never above it, and never worse than any other choice."""

from itertools import product

import pytest
import torch

from jobs.compression.allocation import Cells, allocate, front
from jobs.contract.errors import TargetUnreachableError


def _random_cells(seed: int, places: int = 5, levels: int = 4) -> Cells[int, int]:
    generator = torch.Generator().manual_seed(seed)
    costs = torch.randint(0, 1000, (places, levels), generator=generator).tolist()
    errors = torch.rand(places, levels, generator=generator).tolist()
    return {place: dict(enumerate(zip(costs[place], errors[place], strict=True))) for place in range(places)}


def _cost_and_error(cells: Cells[int, int], chosen: dict[int, int]) -> tuple[int, float]:
    pairs = [cells[place][level] for place, level in chosen.items()]
    return sum(cost for cost, _ in pairs), sum(error for _, error in pairs)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_choice_within_the_budget_is_better(seed: int) -> None:
    """The choice fits, and trying every combination finds no better one."""
    cells = _random_cells(seed)
    everything = [_cost_and_error(cells, dict(enumerate(levels))) for levels in product(range(4), repeat=5)]
    found = front(cells)

    for budget in (found.smallest, found.smallest + 300, found.smallest + 900, 10_000):
        cost, error = _cost_and_error(cells, found.within(budget))
        assert cost <= budget
        assert error == pytest.approx(min(each for spent, each in everything if spent <= budget))


def test_costs_of_many_places_stay_exact() -> None:
    """With more combinations than are kept the budget still holds to the unit, and is nearly used up."""
    cells = _random_cells(7, places=60, levels=12)
    budget = 12_345

    cost, _ = _cost_and_error(cells, allocate(cells, budget))

    assert 0.99 * budget <= cost <= budget


def test_the_least_possible_cost_is_named_when_nothing_fits() -> None:
    """A budget below every choice says what could be reached."""
    cells = {"a": {0: (10, 1.0), 1: (30, 0.0)}, "b": {0: (5, 2.0)}}

    with pytest.raises(TargetUnreachableError, match="15"):
        allocate(cells, 14)


def test_ties_go_to_the_first_level() -> None:
    """Of two levels that are equally good and equally dear the first is taken, always."""
    assert allocate({"a": {"first": (1, 0.5), "second": (1, 0.5)}}, 1) == {"a": "first"}
