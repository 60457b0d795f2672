"""Ridge regression from sums: rows come batch by batch, and none is kept.

For inputs X and wished-for outputs Y, as columns, ``B = Y Xᵀ (X Xᵀ + λ I)⁻¹`` minimises ``|Y - B X|² + λ |B|²``. The
last fifth of each batch's rows chooses λ: the one whose B, fitted without them, serves them best.

Cost: an (I, N) x (N, I) product, and for each λ a Cholesky factor of that size, all in float64.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.compression.factoring import root_of

RIDGES = (1e-8, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0)
"""What λ may be, in shares of the mean input power."""
HELD_OUT = 5


class Regression:
    """Sums over the rows seen so far.

    Args:
        inputs: how many inputs I a row has.
        outputs: how many outputs O.
        bias: whether to give each row one more input, which is one.
        device: where the sums are.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool, device: torch.device) -> None:
        self.rows = 0
        self._ones = int(bias)
        size = inputs + self._ones
        self._learning, self._judging = (_Sums(size, outputs, device) for _ in range(2))

    def add(self, inputs: Float[Tensor, "N I"], outputs: Float[Tensor, "N O"]) -> None:
        """Count in N rows, neighbours next to each other."""
        x = nn.functional.pad(inputs.double(), (0, self._ones), value=1.0)
        seen = len(x) - len(x) // HELD_OUT
        self._learning.add(x[:seen], outputs[:seen].double())
        self._judging.add(x[seen:], outputs[seen:].double())
        self.rows += len(x)

    def solve(self) -> Float[Tensor, "O _"] | None:
        """Return B, with the bias as its last column; None where zero outputs serve the held-out rows as well."""
        gains = [self._judging.gain(self._learning.solve(ridge)) for ridge in RIDGES]
        most = max(gains)
        everything = self._learning.plus(self._judging)
        return everything.solve(RIDGES[gains.index(most)]).T if most > 0 else None


class _Sums:
    """``X Xᵀ`` and ``X Yᵀ``."""

    def __init__(self, inputs: int, outputs: int, device: torch.device) -> None:
        self.gram = torch.zeros(inputs, inputs, dtype=torch.float64, device=device)
        self.cross = torch.zeros(inputs, outputs, dtype=torch.float64, device=device)

    def add(self, x: Float[Tensor, "N I"], y: Float[Tensor, "N O"]) -> None:
        self.gram.addmm_(x.T, x)
        self.cross.addmm_(x.T, y)

    def plus(self, other: "_Sums") -> "_Sums":
        self.gram += other.gram
        self.cross += other.cross
        return self

    def solve(self, ridge: float) -> Float[Tensor, "I O"]:
        return torch.cholesky_solve(self.cross, root_of(self.gram, ridge))

    def gain(self, found: Float[Tensor, "I O"]) -> float:
        """Return by how much *found* lowers the sum of squared errors."""
        return float((found * (2 * self.cross - self.gram @ found)).sum())
