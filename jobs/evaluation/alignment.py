"""Whether two sets of hidden states say the same, up to a rotation and a scale: linear centred kernel alignment.

Source: Kornblith et al. 2019, arXiv:1905.00414, equation 5 with linear kernels:
CKA(X, Y) = ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) for centred X (N, D) and Y (N, E), in Frobenius norms.
Differs: the D × D products are added up batch by batch, so that no N × N kernel and no states are kept.
Cost: 3 N D² multiplications, and 3 D² numbers in memory.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(slots=True)
class Alignment:
    """Linear CKA, added up over batches of positions.

    With fewer positions than the states are wide any two sets look alike.
    """

    _about: tuple[Tensor, Tensor] | None = None
    _sums: tuple[Tensor, Tensor] | None = None
    _products: tuple[Tensor, Tensor, Tensor] | None = None
    _positions: int = 0

    def add(self, first: Float[Tensor, "N D"], second: Float[Tensor, "N E"]) -> None:
        """Add the positions of one batch."""
        if self._about is None:  # sums about a point nearby lose nothing to rounding
            self._about = first.mean(dim=0), second.mean(dim=0)
        x, y = first - self._about[0], second - self._about[1]
        products, sums = (x.T @ x, y.T @ y, y.T @ x), (x.sum(dim=0), y.sum(dim=0))
        if self._products is None or self._sums is None:
            self._products, self._sums = products, sums
        else:
            for held, new in zip((*self._products, *self._sums), (*products, *sums), strict=True):
                held.add_(new)
        self._positions += len(first)

    def result(self) -> float:
        """Return the alignment, from 0 to 1; 0 where either set does not vary, or nothing was added."""
        if self._products is None or self._sums is None:
            return 0.0
        (xx, yy, yx), (x, y) = self._products, self._sums
        varied = self._centred(xx, x, x) * self._centred(yy, y, y)
        return min(1.0, self._centred(yx, y, x) ** 2 / varied) if varied > 0 else 0.0

    def _centred(self, products: Tensor, left: Tensor, right: Tensor) -> float:
        """Return the norm of *products* about the means."""
        centred = products.double() - left.double().outer(right.double()) / self._positions
        return float(centred.norm())
