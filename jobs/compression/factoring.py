"""The best low-rank factors of a matrix, for its own entries or for what flows through it.

With M = U Σ Vᵀ and U_r the r leading columns of U, the best rank-r stand-in for W is the projection ``U_r U_rᵀ W``,
whether M is W itself (smallest error in the entries) or W S with S Sᵀ the second moment of the inputs (smallest mean
error in the outputs): the inverse of S is never needed, and dropping σ_i costs exactly σ_i². Where some directions of
the outputs matter more than others, as R Rᵀ says, M is Rᵀ W S and the stand-in ``R⁻ᵀ U_r U_rᵀ Rᵀ W``.

Source: Eckart and Young 1936; SVD-LLM, arXiv:2403.07378, section 3.
Differs: the projection form above, and R; eigenvectors of the smaller Gram matrix instead of a full SVD, four times
faster; the factors are balanced (√σ on each side), without which training on them tends to diverge.
Cost: O(m n min(m, n)) in float64.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.compression.roots import positive_root

RIDGE = 1e-4
"""Share of the mean input power added to every direction, so that dead features do not make a root singular."""

LANES = 16
"""Floats in a register of AVX-512, and a divisor of every tile of matrix kernels."""

LEAST_ROUNDED = 128
"""From this rank on, half of that is a small share of it: 6 % at most."""

PIECE = 2**20
"""Numbers of a matrix that are held in double precision at a time."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The output directions of a matrix, strongest first.

    Attributes:
        weight: W, (O, I).
        directions: vectors that give U, (O, K) or (I, K): see *tall*.
        energies: σ², (K,), K = min(O, I).
        seen: R, lower triangular; None for a unit matrix.
        scaled: M, (O, I).
    """

    weight: Float[Tensor, "O I"]
    seen: Float[Tensor, "O O"] | None
    scaled: Float[Tensor, "O I"]
    directions: Float[Tensor, "_ K"]
    energies: Float[Tensor, " K"]

    def leading(self, rank: int) -> Float[Tensor, "O R"]:
        """Return the *rank* strongest directions of M's outputs, orthonormal."""
        vectors = self.directions[:, :rank]
        outputs, inputs = self.weight.shape
        if outputs <= inputs:
            return vectors
        seen: Tensor = torch.cat([rows.double() @ vectors for rows in _pieces(self.scaled)])
        orthonormal: Tensor = torch.linalg.qr(seen).Q
        return orthonormal

    def rank_for(self, energy: float) -> int:
        """Return the smallest rank that holds the share *energy* of the sum of σ²."""
        shares = self.energies.cumsum(0) / self.energies.sum()
        return min(int((shares < energy).sum()) + 1, len(shares))


def root_of(moment: Float[Tensor, "I I"], share: float = RIDGE) -> Float[Tensor, "I I"]:
    """Return S, lower triangular, with ``S Sᵀ`` = *moment* plus a ridge: *share* of the mean diagonal."""
    ridge = share * moment.diagonal().mean().clamp_min(torch.finfo(moment.dtype).tiny)
    return positive_root(moment + ridge * torch.eye(len(moment), dtype=moment.dtype, device=moment.device))


def spectrum(
    weight: Float[Tensor, "O I"],
    root: Float[Tensor, "I I"] | None = None,
    seen: Float[Tensor, "O O"] | None = None,
) -> Spectrum:
    """Return the spectrum of *weight*.

    Args:
        weight: W.
        root: S, where ``S Sᵀ`` is the second moment of the inputs.
        seen: R, lower triangular, where ``R Rᵀ`` says how much errors in the outputs matter.
    """
    scaled = weight if root is None else weight.double() @ root
    scaled = scaled if seen is None else seen.T @ scaled.double()
    outputs, inputs = scaled.shape
    energies, vectors = torch.linalg.eigh(_gram(scaled.T if outputs <= inputs else scaled))
    return Spectrum(weight, seen, scaled, vectors.flip(1), energies.flip(0).clamp_min(0))


def factors(found: Spectrum, rank: int) -> tuple[Float[Tensor, "R I"], Float[Tensor, "O R"]]:
    """Return (down, up), whose product is the best stand-in of that *rank*."""
    up = found.leading(rank)
    down = _product(up, found.weight) if found.seen is None else up.T @ (found.seen.T @ found.weight.double())
    if found.seen is not None:
        up, turned = torch.linalg.qr(torch.linalg.solve_triangular(found.seen.T, up, upper=True))
        down = turned @ down
    energies, turn = torch.linalg.eigh(down @ down.T)
    smallest = torch.finfo(energies.dtype).eps * energies.max().clamp_min(torch.finfo(energies.dtype).tiny)
    quarter = energies.clamp_min(smallest) ** 0.25  # √σ: what each side gets
    return (turn.T @ down).div_(quarter[:, None]), (up @ turn).mul_(quarter)


def _pieces(matrix: Float[Tensor, "N M"]) -> tuple[Float[Tensor, "_ M"], ...]:
    pieces: tuple[Tensor, ...] = torch.split(matrix, max(PIECE // matrix.shape[1], 1))
    return pieces


def _gram(matrix: Float[Tensor, "N M"]) -> Float[Tensor, "M M"]:
    """Return XᵀX in double precision."""
    total = matrix.new_zeros(matrix.shape[1], matrix.shape[1], dtype=torch.float64)
    for rows in map(torch.Tensor.double, _pieces(matrix)):
        total.addmm_(rows.T, rows)
    return total


def _product(left: Float[Tensor, "N R"], right: Float[Tensor, "N M"]) -> Float[Tensor, "R M"]:
    """Return LᵀX in double precision."""
    total = left.new_zeros(left.shape[1], right.shape[1])
    for part, rows in zip(torch.split(left, len(_pieces(right)[0])), _pieces(right), strict=True):
        total.addmm_(part.T, rows.double())
    return total


def parity(outputs: int, inputs: int) -> int:
    """Return the largest rank whose factors hold fewer parameters than the matrix: ``r (O + I) < O I``."""
    return (outputs * inputs - 1) // (outputs + inputs)


def suiting(rank: int, most: int) -> int:
    """Return the multiple of 16 that is nearest to *rank*, but not above *most*; small ranks stay as they are.

    Kernels compute 16 floats at once: the pair of factors is 3 to 8 % faster than at a rank between two multiples.
    """
    return rank if rank < LEAST_ROUNDED else min(round(rank / LANES) * LANES, most)
