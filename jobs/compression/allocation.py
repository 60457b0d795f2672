"""Which level each part of a model gets, so that the whole fits a budget at the least total error.

A level of a place has a cost and an error, and both add up over places: a multiple-choice knapsack, solved by dynamic
programming. Place after place, the combinations so far are kept that no other beats in both; what is left at the end
answers every budget at once. Costs stay exact integers, so the budget is never exceeded; only where combinations are
more than ``RESOLUTION`` are neighbours in cost thinned out.

Source: Frantar and Alistarh 2022 (SPDY), arXiv:2201.13096, section 3.1; ZipLM, arXiv:2302.04089.
Differs: a front of undominated sums instead of a table over rounded costs.
Cost: ``RESOLUTION`` x levels a place; milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from jobs.contract.errors import TargetUnreachableError

RESOLUTION = 10_000
"""Combinations kept after each place, at most."""

P = TypeVar("P")
L = TypeVar("L")
Cells: TypeAlias = Mapping[P, Mapping[L, tuple[int, float]]]
"""For each place, what each of its levels costs and what error it brings."""


@dataclass(frozen=True, slots=True)
class Front(Generic[P, L]):
    """The best choices for every budget.

    Attributes:
        cells: what was chosen from.
        costs: of each choice, rising, (N,).
        errors: of each choice, falling, (N,).
        trail: for each place, which earlier combination and which level each combination came from.
    """

    cells: Cells[P, L]
    costs: Int[Tensor, " N"]
    errors: Float[Tensor, " N"]
    trail: tuple[Int[Tensor, " _"], ...]

    @property
    def smallest(self) -> int:
        """Return the least cost that any choice has."""
        return int(self.costs[0])

    def within(self, budget: int) -> dict[P, L]:
        """Return the level of each place that together cost at most *budget* at the least error.

        Raises:
            TargetUnreachableError: the cheapest levels cost more; the message says how much.
        """
        index = int(torch.searchsorted(self.costs, budget, right=True)) - 1
        if index < 0:
            raise TargetUnreachableError(f"Expected a budget of {self.smallest} or more; got {budget}.")
        chosen: dict[P, L] = {}
        for (place, levels), origins in reversed(list(zip(self.cells.items(), self.trail, strict=True))):
            index, level = divmod(int(origins[index]), len(levels))
            chosen[place] = list(levels)[level]
        return {place: chosen[place] for place in self.cells}


def front(cells: Cells[P, L]) -> Front[P, L]:
    """Return the best choices of one level a place, for every budget; of equally good ones the first."""
    costs, errors = torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.float64)
    trail = []
    for levels in cells.values():
        extra_cost = torch.tensor([cost for cost, _ in levels.values()], dtype=torch.int64)
        extra_error = torch.tensor([error for _, error in levels.values()], dtype=torch.float64)
        all_costs, all_errors = (costs[:, None] + extra_cost).flatten(), (errors[:, None] + extra_error).flatten()
        kept = _thinned(_undominated(all_costs, all_errors), all_costs)
        costs, errors = all_costs[kept], all_errors[kept]
        trail.append(kept)
    return Front(cells, costs, errors, tuple(trail))


def undominated(levels: Mapping[L, tuple[int, float]]) -> dict[L, tuple[int, float]]:
    """Return the levels that are better than all that cost no more, the cheapest first."""
    names, pairs = list(levels), list(levels.values())
    costs = torch.tensor([cost for cost, _ in pairs], dtype=torch.int64)
    errors = torch.tensor([error for _, error in pairs], dtype=torch.float64)
    return {names[index]: pairs[index] for index in _undominated(costs, errors).tolist()}


def allocate(cells: Cells[P, L], budget: int) -> dict[P, L]:
    """Return the level of each place that together cost at most *budget* at the least error.

    Raises:
        TargetUnreachableError: the cheapest levels cost more; the message says how much.
    """
    return front(cells).within(budget)


def _undominated(costs: Int[Tensor, " N"], errors: Float[Tensor, " N"]) -> Int[Tensor, " K"]:
    """Return which are better than all that cost no more, in the order of their costs."""
    order = errors.argsort(stable=True)
    order = order[costs[order].argsort(stable=True)]
    sorted_errors = errors[order]
    best_before = torch.cat([sorted_errors.new_full((1,), torch.inf), sorted_errors.cummin(0).values[:-1]])
    return order[sorted_errors < best_before]


def _thinned(kept: Int[Tensor, " K"], costs: Int[Tensor, " N"]) -> Int[Tensor, " M"]:
    """Return at most ``RESOLUTION`` of *kept*: the cheapest, and of those that cost nearly the same the dearest."""
    if len(kept) <= RESOLUTION:
        return kept
    here = costs[kept].double()
    bins = ((here - here[0]) / (here[-1] - here[0]) * (RESOLUTION - 2)).long()
    last = torch.cat([bins[1:] != bins[:-1], bins.new_ones(1, dtype=torch.bool)])
    last[0] = True
    return kept[last]
