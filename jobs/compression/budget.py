"""From a budget to steps, without data: the same share of heads and of feed-forward units leaves every layer.

The largest shares of heads and units that fit are found by bisection, heads first, units to fill up what is left.

Differs: reads no data, and so cannot ask which layer can spare most; with data, ``target`` does.
Cost: that of ``pricing``.
"""

from collections.abc import Callable, Sequence

from transformers import PreTrainedModel

from jobs.compression.anatomy import Anatomy
from jobs.compression.pricing import Prices, Sizes, allowance, sizes_of
from jobs.compression.selection import share_of
from jobs.contract.spec import Step, Target


def steps_for(target: Target, model: PreTrainedModel, anatomy: Anatomy) -> tuple[Step, ...]:
    """Return the steps that bring *model* to *target*: as large as allowed, never larger.

    Raises:
        TargetUnreachableError: one head and one unit in every layer are still too much; the message says how much.
        NothingChangedError: the model is that small already.
    """
    sizes = sizes_of(target, model, anatomy)
    heads, units = _grid(sizes.heads), _grid(sizes.units)
    smallest = _after(sizes, heads[-1], units[-1])
    allowed = allowance(target, sizes, smallest, "removing heads and feed-forward units")
    share = _first(units, lambda share: _after(sizes, share, share) <= allowed)
    head_share = _first(heads, lambda each: each > share - 1 / len(heads) and _after(sizes, each, units[-1]) <= allowed)
    unit_share = _first(units, lambda share: _after(sizes, head_share, share) <= allowed)
    asked = (("head_pruning", "heads_removed", head_share), ("ffn_pruning", "units_removed", unit_share))
    return tuple(Step(technique, {amount: share}) for technique, amount, share in asked if share)


def _after(sizes: Sizes, heads_removed: float, units_removed: float) -> int:
    """Return the cost when these shares have left every layer."""
    return sizes.total - _saved(sizes.heads, heads_removed) - _saved(sizes.units, units_removed)


def _grid(parts: Prices) -> list[float]:
    """Return every share that removes a whole number of parts from the fullest layer, and leaves one."""
    fullest = max(count for count, _ in parts)
    return [removed / fullest for removed in range(fullest)]


def _first(shares: Sequence[float], fits: Callable[[float], bool]) -> float:
    """Return the smallest share that fits, knowing that larger ones do too; the largest if none does."""
    low, high = 0, len(shares) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(shares[middle]) else (middle + 1, high)
    return shares[low]


def _saved(parts: Prices, share: float) -> int:
    return sum(share_of(share, count, count - 1) * cost for count, cost in parts)
