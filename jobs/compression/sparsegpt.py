"""Prune a matrix column by column, and let the columns to come make up for what has gone.

With H the second moment of the map's inputs plus a ridge and ``H⁻¹ = Uᵀ U``, U upper triangular, column j of what is
left of W counts ``w² / U_jj²``: the error that its going leaves behind once all later columns are refitted. Those are
refitted as soon as it goes: ``W_j: -= (w_j / U_jj) U_j:``.

Source: Frantar and Alistarh 2023, arXiv:2301.00774, algorithm 1; Hassibi and Stork 1992 (the score and the refit).
Differs: U comes from one Cholesky factor of H with rows and columns reversed, instead of two and an inverse; an input
that is dead in the data keeps the ridge alone, so that its weights go first and the count stays exact.
Cost: O(I³ + O I²), in float64.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from jobs.compression.roots import positive_root

RIDGE = 0.01
"""Share of the mean input power added to every input."""

PANEL = 128
"""Columns that are chosen from together, at least; those after them are refitted in one product."""


def prune(
    weight: Float[Tensor, "O I"],
    moment: Float[Tensor, "I I"],
    choose: Callable[[Float[Tensor, "O W"]], Bool[Tensor, "O W"]],
    width: int,
) -> Float[Tensor, "O I"]:
    """Return *weight* with zeros where *choose* says and the rest refitted; float64.

    Args:
        weight: W.
        moment: mean of ``x xᵀ`` over the map's inputs.
        choose: from the scores of *width* neighbouring columns (the last may be fewer) to those that go.
        width: how many columns *choose* sees at a time.
    """
    columns = weight.double().T.contiguous()
    factor = _inverse_factor(moment.double())
    panel = width * max(PANEL // width, 1)
    for start in range(0, len(columns), panel):
        here, rest = slice(start, start + panel), slice(start + panel, None)
        errors = _sweep(columns[here], factor[here, here], choose, width)
        columns[rest] -= factor[here, rest].T @ errors
    return columns.T


def _sweep(
    columns: Float[Tensor, "C O"],
    factor: Float[Tensor, "C C"],
    choose: Callable[[Float[Tensor, "O W"]], Bool[Tensor, "O W"]],
    width: int,
) -> Float[Tensor, "C O"]:
    """Prune the columns of one panel in place; return what each leaves to those after the panel."""
    errors = torch.zeros_like(columns)
    scale = factor.diagonal()[:, None]
    for start in range(0, len(columns), width):
        ahead = slice(start, start + width)
        drops = choose((columns[ahead] / scale[ahead]).square().T).T
        for j, drop in enumerate(drops, start=start):
            errors[j] = columns[j].where(drop, 0) / scale[j]
            columns[j].masked_fill_(drop, 0)
            columns[j + 1 :].addr_(factor[j, j + 1 :], errors[j], alpha=-1)
    return errors


def _inverse_factor(moment: Float[Tensor, "I I"]) -> Float[Tensor, "I I"]:
    """Return U, upper triangular, with ``Uᵀ U`` the inverse of *moment* plus the ridge."""
    power = moment.diagonal().mean()
    unit = torch.eye(len(moment), dtype=moment.dtype, device=moment.device)
    ridge = RIDGE * power.where(power > 0, 1)  # without any input all weights of one size count the same
    root = positive_root((moment + ridge * unit).flip(0, 1))
    inverse: Tensor = torch.linalg.solve_triangular(root, unit, upper=False).flip(0, 1)
    return inverse
