"""Which weights of a matrix go: from scores to exact masks, ties settled by position.

A share is rounded to the nearest count of whatever competes, never to zero, and something always stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from jobs.compression.selection import share_of, smallest

GROUP = 4
"""Neighbouring inputs of which two go in pattern 2:4."""

PIECE = 2**20
"""Weights that are looked at together, about: what is needed beside them is in proportion."""

HALF_BITS = 16
"""Of a number in single precision."""


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
        drops = _chosen_among([_block_means(each, self.block) for each in scores], self.share)
        return [_spread(drop, self.block, each) for drop, each in zip(drops, scores, strict=True)]

    def by_magnitude(
        self, weights: Sequence[Float[Tensor, "_ _"]]
    ) -> Iterator[tuple[Float[Tensor, "_ _"], Bool[Tensor, "_ _"]]]:
        """Yield rows of the matrices, which are views, and what goes of them when all weights compete by magnitude.

        The same as ``among_all`` of the absolute values, with memory for one piece only; what was yielded may be
        changed before the next. Weights are in single precision.
        """
        if self.block > 1:
            means = [torch.cat([_block_means(rows.abs(), self.block) for rows in self._pieces(w)]) for w in weights]
            drops = _chosen_among(means, self.share)
            for matrix, drop in zip(weights, drops, strict=True):
                shares = torch.split(drop, max(self._rows(matrix) // self.block, 1))
                for rows, share in zip(self._pieces(matrix), shares, strict=True):
                    yield rows, _spread(share, self.block, rows)
            return
        pieces = [rows for matrix in weights for rows in self._pieces(matrix)]
        total = sum(each.numel() for each in pieces)
        below, ties = (0, 0) if self.fours else _cutoff(pieces, share_of(self.share, total, total - 1))
        for rows in pieces:
            if self.fours:
                yield rows, _two_of_four(rows.abs())
                continue
            bits = _bits(rows)
            drop, equal = bits < below, (bits == below).flatten().nonzero().flatten()[:ties]
            drop.view(-1)[equal] = True
            ties -= len(equal)
            yield rows, drop

    def by_rows(self, scores: Float[Tensor, "O I"]) -> Bool[Tensor, "O I"]:
        """Return what goes when the weights of a row, or the squares of a row of squares, compete."""
        if self.fours:
            return _two_of_four(scores)
        means = _block_means(scores, self.block)
        present = means.shape[1]
        return _spread(_least(means, share_of(self.share, present, present - 1)), self.block, scores)

    def _rows(self, matrix: Float[Tensor, "_ I"]) -> int:
        """Return how many rows of *matrix* make a piece: whole squares."""
        return max(PIECE // matrix.shape[1] // self.block, 1) * self.block

    def _pieces(self, matrix: Float[Tensor, "_ I"]) -> tuple[Float[Tensor, "_ I"], ...]:
        pieces: tuple[Tensor, ...] = torch.split(matrix, self._rows(matrix))
        return pieces


def _chosen_among(means: Sequence[Float[Tensor, "_ _"]], share: float) -> list[Bool[Tensor, "_ _"]]:
    flat = torch.cat([each.flatten() for each in means])
    chosen = smallest(flat, share_of(share, len(flat), len(flat) - 1))
    drops = torch.split(chosen, [each.numel() for each in means])
    return [drop.view_as(mean) for drop, mean in zip(drops, means, strict=True)]


def _bits(values: Float[Tensor, "..."]) -> Int[Tensor, "..."]:
    """Return the magnitudes of single-precision numbers as integers of the same order: their bits without the sign."""
    return values.abs().view(torch.int32)


def _cutoff(pieces: Sequence[Float[Tensor, "_ _"]], count: int) -> tuple[int, int]:
    """Return the bits of the *count*-th smallest magnitude, and how many that are equal to it are among the *count*.

    Magnitudes are counted by the upper half of their bits, and then those in the one upper half that matters by the
    lower: exact, and without sorting or copying all.
    """
    if not count:
        return 0, 0
    upper, left = _holding(sum(torch.bincount(_halves(each)[0], minlength=2**HALF_BITS) for each in pieces), count)
    lowers = (lower[high == upper] for high, lower in map(_halves, pieces))
    lower, left = _holding(sum(torch.bincount(each, minlength=2**HALF_BITS) for each in lowers), left)
    return (upper << HALF_BITS) + lower, left


def _halves(values: Float[Tensor, "_ _"]) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    bits = _bits(values).flatten()
    return bits >> HALF_BITS, bits & (2**HALF_BITS - 1)


def _holding(counts: Int[Tensor, " N"] | int, count: int) -> tuple[int, int]:
    """Return in which bin the *count*-th is, and the how manieth it is there."""
    reached = torch.as_tensor(counts).cumsum(0)
    found = int((reached < count).sum())
    return found, count - (int(reached[found - 1]) if found else 0)


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
