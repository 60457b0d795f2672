"""Mean and covariance of rows that come batch by batch, none of which is kept.

Sums are taken about the first batch's mean: where inputs hardly vary (silence, a layer behind a large bias), the square
of the mean would drown in rounding what little they vary. So taken, single precision loses a few ten-millionths of what
inputs vary; where that makes a covariance less than positive, ``roots`` mends it.

Source: Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance" (shifted data).
"""

import torch
from jaxtyping import Float
from torch import Tensor


class Spread:
    """Sums over the rows seen so far; products are in single precision, what comes out in double.

    Args:
        inputs: how many inputs I a row has.
        device: where the sums are.

    Attributes:
        rows: how many there were.
        shift: what sums are taken about; unless given, the mean of the first rows.
        total: the sum of rows.
        products: the sum of their outer products.
    """

    def __init__(self, inputs: int, device: torch.device) -> None:
        self.rows = 0
        self.shift: Float[Tensor, " I"] | None = None
        self.total = torch.zeros(inputs, dtype=torch.float64, device=device)
        self.products = torch.zeros(inputs, inputs, device=device)

    def add(self, rows: Float[Tensor, "N I"]) -> Float[Tensor, "N I"]:
        """Count in N rows, and return them as they are counted."""
        if self.shift is None and len(rows):
            self.shift = rows.float().mean(dim=0)
        x = rows.float() if self.shift is None else rows.float() - self.shift
        self.total += x.sum(dim=0)
        self.products.addmm_(x.T, x)
        self.rows += len(x)
        return x

    def plus(self, other: "Spread") -> "Spread":
        """Return the spread of the rows of both, whose shift is one."""
        both = Spread(len(self.total), self.total.device)
        both.rows, both.shift = self.rows + other.rows, self.shift
        both.total, both.products = self.total + other.total, self.products + other.products
        return both

    @property
    def offset(self) -> Float[Tensor, " I"]:
        """Return the mean row as it is counted."""
        return self.total / max(self.rows, 1)

    @property
    def mean(self) -> Float[Tensor, " I"]:
        """Return the mean row; zeros before the first."""
        return self.offset if self.shift is None else self.offset + self.shift

    @property
    def covariance(self) -> Float[Tensor, "I I"]:
        """Return the second moment about the mean."""
        return (self.products.double() / max(self.rows, 1)).addr_(self.offset, self.offset, alpha=-1)

    @property
    def second(self) -> Float[Tensor, "I I"]:
        """Return the second moment about zero."""
        return self.about(torch.zeros_like(self.total))

    def about(self, middle: Float[Tensor, " I"]) -> Float[Tensor, "I I"]:
        """Return the second moment about *middle*."""
        apart = self.mean - middle
        return self.covariance.addr_(apart, apart)
