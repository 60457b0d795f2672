"""Which parts go: from scores and an amount to exact sets, with ties settled by position.

A share is rounded to the nearest count, never to zero; every layer keeps at least one part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from jobs.contract.errors import TargetUnreachableError

Scope = Literal["layer", "global"]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much goes: exactly one of the share *removed* and the count *kept* is set."""

    removed: float | None
    kept: int | None

    def to_remove(self, present: int, fewest: int = 1) -> int:
        """Return how many of *present* parts go, so that *fewest* stay.

        Raises:
            TargetUnreachableError: the count to keep is below *fewest*.
        """
        if self.kept is None:
            return share_of(self.removed or 0.0, present, present - fewest)
        if self.kept < fewest:
            raise TargetUnreachableError(f"Each layer keeps at least one: expected {fewest} or more; got {self.kept}.")
        return max(present - self.kept, 0)


def share_of(share: float, present: int, most: int) -> int:
    """Return *share* of *present* as a count: the nearest, zero only for a share of zero, and at most *most*."""
    return min(max(round(share * present), 1), most) if share else 0


def smallest(scores: Float[Tensor, " N"], count: int) -> Bool[Tensor, " N"]:
    """Return a mask of exactly *count* smallest scores; of equal ones, the first."""
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    if count == 0:
        return chosen
    threshold = scores.kthvalue(count).values
    torch.lt(scores, threshold, out=chosen)
    ties = (scores == threshold).nonzero().flatten()
    chosen[ties[: count - int(chosen.sum())]] = True
    return chosen


def survivors(scores: Sequence[Float[Tensor, " _"]], amount: Amount, scope: Scope) -> list[Int[Tensor, " _"]]:
    """Return, for each layer, the indices of the parts that stay, in their order.

    Args:
        scores: one vector a layer.
        amount: per layer for scope ``layer``, of all layers together for scope ``global``.
        scope: where parts compete with each other.
    """
    if scope == "layer":
        dropped = [smallest(each, amount.to_remove(len(each))) for each in scores]
    else:
        sizes = [len(each) for each in scores]
        together = torch.cat([_best_protected(each) for each in scores])
        going = smallest(together, amount.to_remove(sum(sizes), fewest=len(sizes)))
        dropped = list(torch.split(going, sizes))
    return [(~each).nonzero().flatten() for each in dropped]


def _best_protected(scores: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    return scores.index_fill(0, scores.argmax(), torch.inf)
