"""Ridge regression from sums: rows come batch by batch, and none is kept.

For inputs X and wished-for outputs Y, as columns, ``B = Y Xᵀ (X Xᵀ + λ I)⁻¹`` minimises ``|Y - B X|² + λ |B|²``; with a
bias both are taken about their means. The last fifth of each batch's rows chooses λ: the one whose B, fitted without
them, serves them best, looked for uphill from a usual one on.

Cost: an (I, N) x (N, I + O) product in single precision, and for each of some four λ a Cholesky factor of size I.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.compression.factoring import root_of
from jobs.compression.spread import Spread

RIDGES = (1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0)
"""What λ may be, in shares of the mean input power."""

USUAL = 5
"""Which of them is tried first."""

MIXTURES = 64
"""Of the outputs, by which λ is chosen: many outputs agree on it."""

HELD_OUT = 5

Middle: TypeAlias = tuple[Float[Tensor, " I"], Float[Tensor, " O"]]
"""What inputs and outputs are taken about."""


class Regression:
    """Sums over the rows seen so far.

    Args:
        inputs: how many inputs I a row has.
        outputs: how many outputs O.
        bias: whether something is added whatever the inputs are.
        device: where the sums are.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool, device: torch.device) -> None:
        self._bias = bias
        self._learning, self._judging = (_Sums(inputs, outputs, device) for _ in range(2))

    @property
    def rows(self) -> int:
        """Return how many rows there were."""
        return self._learning.spread.rows + self._judging.spread.rows

    @property
    def spread(self) -> Spread:
        """Return how the inputs spread."""
        return self._learning.spread.plus(self._judging.spread)

    def add(self, inputs: Float[Tensor, "N I"], outputs: Float[Tensor, "N O"]) -> None:
        """Count in N rows, neighbours next to each other."""
        seen = len(inputs) - len(inputs) // HELD_OUT
        self._learning.add(inputs[:seen], outputs[:seen])
        self._judging.spread.shift = self._learning.spread.shift
        self._judging.add(inputs[seen:], outputs[seen:])

    def solve(self) -> Float[Tensor, "O _"] | None:
        """Return B, with the bias as its last column; None where zero outputs serve the held-out rows as well."""
        ridge = self._ridge()
        if ridge is None:
            return None
        everything = self._learning.plus(self._judging)
        middle = everything.middle(bias=self._bias)
        found = everything.about(middle).solve(ridge).T
        return torch.cat([found, (middle[1] - found @ middle[0])[:, None]], dim=1) if self._bias else found

    def _ridge(self) -> float | None:
        """Return the λ that serves the held-out rows best, and better than nothing, as far as mixtures can tell."""
        middle = self._learning.middle(bias=self._bias)
        mixtures = _mixtures(middle[1])
        learning, judging = (each.about(middle).mixed(mixtures) for each in (self._learning, self._judging))
        gain = cache(lambda at: judging.gain(learning.solve(RIDGES[at])))
        best = _uphill(gain, USUAL, len(RIDGES))
        ahead, mean = (mixtures.T @ each for each in (middle[1], self._judging.outputs))
        gained = gain(best) + float(ahead @ (2 * mean - ahead))
        return RIDGES[best] if self._judging.spread.rows and gained > 0 else None


class _Sums:
    """Sums in single precision about the first inputs' mean; what comes out is in double."""

    def __init__(self, inputs: int, outputs: int, device: torch.device) -> None:
        self.spread = Spread(inputs, device)
        self.cross = torch.zeros(inputs, outputs, device=device)
        self.total = torch.zeros(outputs, dtype=torch.float64, device=device)

    @property
    def outputs(self) -> Float[Tensor, " O"]:
        """Return the outputs' mean."""
        return self.total / max(self.spread.rows, 1)

    def add(self, x: Float[Tensor, "N I"], y: Float[Tensor, "N O"]) -> None:
        self.cross.addmm_(self.spread.add(x).T, y.float())
        self.total += y.sum(dim=0)

    def plus(self, other: "_Sums") -> "_Sums":
        inputs, outputs = self.cross.shape
        both = _Sums(inputs, outputs, self.cross.device)
        both.spread = self.spread.plus(other.spread)
        both.cross, both.total = self.cross + other.cross, self.total + other.total
        return both

    def middle(self, *, bias: bool) -> Middle:
        means = self.spread.mean, self.outputs
        return means if bias else (torch.zeros_like(means[0]), torch.zeros_like(means[1]))

    def about(self, middle: Middle) -> "_System":
        cross = self.cross.double() / max(self.spread.rows, 1)
        cross.addr_(self.spread.offset, self.outputs, alpha=-1)
        cross.addr_(self.spread.mean - middle[0], self.outputs - middle[1])
        return _System(self.spread.about(middle[0]), cross)


@dataclass(frozen=True, slots=True)
class _System:
    """The means of ``x xᵀ`` and ``x yᵀ``."""

    gram: Float[Tensor, "I I"]
    cross: Float[Tensor, "I O"]

    def mixed(self, mixtures: Float[Tensor, "O M"]) -> "_System":
        """Return it for *mixtures* of the outputs in their place."""
        return _System(self.gram, self.cross @ mixtures)

    def solve(self, ridge: float) -> Float[Tensor, "I O"]:
        return torch.cholesky_solve(self.cross, root_of(self.gram, ridge))

    def gain(self, found: Float[Tensor, "I O"]) -> float:
        """Return by how much *found* lowers the mean squared error."""
        return float((found * (2 * self.cross - self.gram @ found)).sum())


def _mixtures(outputs: Float[Tensor, " O"]) -> Float[Tensor, "O M"]:
    """Return random weights by which squares of mixed outputs are, on average, those of all outputs together."""
    if len(outputs) <= MIXTURES:
        return torch.eye(len(outputs)).to(outputs)
    drawn = torch.randn(len(outputs), MIXTURES, generator=torch.Generator().manual_seed(0))
    return drawn.to(outputs) / math.sqrt(MIXTURES)


def _uphill(height: Callable[[int], float], start: int, count: int) -> int:
    """Return the top of *count* places that rise and then fall, looked for from *start*."""
    step = 1 if start + 1 < count and height(start + 1) > height(start) else -1
    at = start
    while 0 <= at + step < count and height(at + step) > height(at):
        at += step
    return at
