"""Which weights of a matrix go: from scores to exact masks, ties settled by position.

A share is rounded to the nearest count of whatever competes, never to zero, and something always stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from jobs.compression.selection import share_of, smallest

GROUP = 4
"""Neighbouring inputs of which two go in pattern 2:4."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How many weights go, and where zeros may be.

    Attributes:
        share: of what competes, that goes.
        block: side of the squares that go as a whole; 1 is single weights. A square counts as much as its weights do
            on average, which is fair to the smaller ones at a matrix's far edges.
        fours: exactly two of every four neighbours of a row go, whatever competes; inputs come in multiples of four.
    """

    share: float
    block: int = 1
    fours: bool = False

    def among_all(self, scores: Sequence[Float[Tensor, "_ _"]]) -> list[Bool[Tensor, "_ _"]]:
        """Return what goes when the weights of all matrices compete."""
        if self.fours:
            return [_two_of_four(each) for each in scores]
        means = [_block_means(each, self.block) for each in scores]
        flat = torch.cat([each.flatten() for each in means])
        chosen = smallest(flat, share_of(self.share, len(flat), len(flat) - 1))
        drops = torch.split(chosen, [each.numel() for each in means])
        shaped = [drop.view_as(mean) for drop, mean in zip(drops, means, strict=True)]
        return [_spread(drop, self.block, each) for drop, each in zip(shaped, scores, strict=True)]

    def by_rows(self, scores: Float[Tensor, "O I"]) -> Bool[Tensor, "O I"]:
        """Return what goes when the weights of a row, or the squares of a row of squares, compete."""
        if self.fours:
            return _two_of_four(scores)
        means = _block_means(scores, self.block)
        present = means.shape[1]
        return _spread(_least(means, share_of(self.share, present, present - 1)), self.block, scores)


def _two_of_four(scores: Float[Tensor, "O I"]) -> Bool[Tensor, "O I"]:
    return _least(scores.reshape(-1, GROUP), GROUP // 2).view(scores.shape)


def _least(scores: Float[Tensor, "N K"], count: int) -> Bool[Tensor, "N K"]:
    order = scores.argsort(dim=1, stable=True)
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(1, order[:, :count], value=True)


def _block_means(scores: Float[Tensor, "O I"], block: int) -> Float[Tensor, "P Q"]:
    if block == 1:
        return scores
    return nn.functional.avg_pool2d(scores[None].double(), block, ceil_mode=True)[0]


def _spread(blocks: Bool[Tensor, "P Q"], block: int, like: Float[Tensor, "O I"]) -> Bool[Tensor, "O I"]:
    wide = blocks.repeat_interleave(block, dim=0).repeat_interleave(block, dim=1)
    return wide[: like.shape[0], : like.shape[1]]
