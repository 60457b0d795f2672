"""Which technique is best within which budget."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from jobs.contract.landscape import LandscapePoint, Measure
from jobs.landscape.ground import CHIEF_COSTS, Ground, by_series, gain, said, verdict
from jobs.landscape.wording import listed, percent, within

BUDGETS = (0.75, 0.5, 0.25)
"""Shares of what the dense model costs."""

SLACK = 0.02
"""A point this share above a budget is taken to be within: steps leave whole heads, units and layers."""


def winners(ground: Ground) -> Iterator[str]:
    """Yield, by cost and quality, what is best within each budget, and what comes next."""
    for cost in ground.costs():
        for quality in ground.qualities():
            yield from _winners(ground, cost, quality)
        yield from _out_of_reach(ground, cost)


def _winners(ground: Ground, cost: str, quality: Measure) -> Iterator[str]:
    ranked = [(budget, _ranked(ground, cost, quality, budget)) for budget in BUDGETS]
    reached = [(budget, best[:2]) for budget, best in ranked if best]
    for best, budgets in groupby(reached, key=lambda each: each[1]):
        yield _sentence(ground, cost, quality, [budget for budget, _ in budgets], best)


def _ranked(ground: Ground, cost: str, quality: Measure, budget: float) -> list[LandscapePoint]:
    """Return the best point of each series within *budget*, the best first."""
    affordable = [each for each in ground.points if quality.name in each.values and _within(ground, each, cost, budget)]
    best = [max(each, key=lambda point: gain(point, quality)) for each in by_series(affordable).values()]
    return sorted(best, key=lambda point: -gain(point, quality))


def _within(ground: Ground, point: LandscapePoint, cost: str, budget: float) -> bool:
    share = ground.share(point, cost)
    return share is not None and share <= budget + SLACK


def _sentence(
    ground: Ground, cost: str, quality: Measure, budgets: Sequence[float], best: Sequence[LandscapePoint]
) -> str:
    limits = listed([percent(each).removesuffix(" %") for each in budgets], "or")
    first, *others = best
    share = percent(ground.share(first, cost) or 0)
    start = (
        f"Within {limits} % of the dense model's {CHIEF_COSTS[cost]}, {first.series} is best by "
        f"{within(quality.title)}: {said(first, quality.name)} at {share} ({first.name})"
    )
    if not others:
        return f"{start}; no other series gets there."
    (second,) = others
    return f"{start}; next is {second.series} with {said(second, quality.name)}{verdict(first, second, quality.name)}."


def _out_of_reach(ground: Ground, cost: str) -> Iterator[str]:
    shares = {each.name: share for each in ground.points if (share := ground.share(each, cost)) is not None}
    missed = [budget for budget in BUDGETS if min(shares.values()) > budget + SLACK]
    if missed:
        least = min(shares, key=shares.__getitem__)
        yield (
            f"No point is within {percent(max(missed))} of the dense model's {CHIEF_COSTS[cost]}; "
            f"the least is {percent(shares[least])} ({least})."
        )
