"""Mean and covariance of rows that come batch by batch, none of which is kept.

Sums are taken about the first batch's mean: where inputs hardly vary (silence, a layer behind a large bias), the square
of the mean would drown in rounding what little they vary.

Source: Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance" (shifted data).
"""

import torch
from jaxtyping import Float
from torch import Tensor


class Spread:
    """Sums over the rows seen so far; products are in single precision, what comes out in double.

    About the mean, rounding takes a millionth of an input's power from the products, far less than any ridge adds.

    Args:
        inputs: how many inputs I a row has.
        device: where the sums are.
    """

    def __init__(self, inputs: int, device: torch.device) -> None:
        self.rows = 0
        self._shift: Float[Tensor, " I"] | None = None
        self._sum = torch.zeros(inputs, dtype=torch.float64, device=device)
        self._products = torch.zeros(inputs, inputs, device=device)

    def add(self, rows: Float[Tensor, "N I"]) -> None:
        """Count in N rows."""
        if not len(rows):
            return
        if self._shift is None:
            self._shift = rows.float().mean(dim=0)
        x = rows.float() - self._shift
        self._sum += x.sum(dim=0)
        self._products.addmm_(x.T, x)
        self.rows += len(x)

    @property
    def mean(self) -> Float[Tensor, " I"]:
        """Return the mean row; zeros before the first."""
        return self._sum if self._shift is None else self._sum / self.rows + self._shift

    @property
    def covariance(self) -> Float[Tensor, "I I"]:
        """Return the second moment about the mean."""
        apart = self._sum / max(self.rows, 1)
        return (self._products.double() / max(self.rows, 1)).addr_(apart, apart, alpha=-1)

    @property
    def second(self) -> Float[Tensor, "I I"]:
        """Return the second moment about zero."""
        return self.covariance + torch.outer(self.mean, self.mean)
