"""Cholesky factors of second moments, which rounding may leave a little short of positive.

Where inputs hardly vary (silence, one sample, a unit that is dead), a moment has eigenvalues of about zero, and sums in
single precision put some of them below.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_RIDGES = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Shares of the mean diagonal, from nothing and single precision's rounding on."""


def positive_root(matrix: Float[Tensor, "I I"]) -> Float[Tensor, "I I"]:
    """Return S, lower triangular, with ``S Sᵀ`` = *matrix*, raised by the smallest ridge that rounding asks for.

    Raises:
        ArithmeticError: the matrix is far from positive.
    """
    power = matrix.diagonal().abs().mean().clamp_min(torch.finfo(matrix.dtype).tiny * 1e8)
    unit = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    for ridge in _RIDGES:
        factor, failed = torch.linalg.cholesky_ex(matrix + ridge * power * unit)
        if not failed:
            found: Tensor = factor
            return found
    raise ArithmeticError("Expected a matrix that is positive but for rounding.")
