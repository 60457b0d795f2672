"""In which order the inputs of a linear map are missed least, when the map is refitted after each that goes.

With H the second moment of the map's inputs plus a ridge, ``M = H⁻¹`` and ``N = Wᵀ W``, a group S of inputs costs
``tr((M_SS)⁻¹ N_SS)``: the rise in the mean squared error of the outputs once the inputs that stay have made up for it
as well as they can. The cheapest group goes, and with ``L Lᵀ = M_SS``, ``F = L⁻¹ M_S:`` and
``R = L⁻¹ N_S: - ½ L⁻¹ N_SS L⁻ᵀ F``

    ``M <- M - Fᵀ F``  and  ``N <- N - Rᵀ F - Fᵀ R``

make M the inverse of what is left of H, and N the product of the refitted weights. So one sweep gives the order and
the error at every level; the weights of a level follow in closed form.

Source: Hassibi and Stork 1992; ZipLM, Kurtic et al. 2023, arXiv:2302.04089, algorithm 1 (whole structures).
Differs: carries ``Wᵀ W`` instead of W, so a step costs nothing that grows with the outputs; rows are brought up to date
when they are needed and the whole only once a panel, as LAPACK's pivoted Cholesky does: exact, and mostly matrix
products.
Cost: O(I³) for a whole sweep, in float64; for 3072 single inputs four seconds of one core.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from jobs.compression.roots import positive_root

RIDGE = 0.01
"""Share of the mean input power added to every input."""

PANEL = 64
"""Inputs that go between two updates of the whole, at least."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What goes first, and what it costs.

    Attributes:
        order: groups of inputs, the first to go first.
        errors: mean squared error of the refitted outputs, summed over outputs, when the first k of *order* have gone;
            ``errors[0]`` is zero, and with *order* complete the last is the power of the outputs.
    """

    order: Int[Tensor, " N"]
    errors: Float[Tensor, " _"]


def sweep(weight: Float[Tensor, "O I"], moment: Float[Tensor, "I I"], size: int = 1, stop: int | None = None) -> Sweep:
    """Return the order in which groups of inputs go, greedily, and the error at each level.

    Args:
        weight: W.
        moment: mean of ``x xᵀ`` over the map's inputs; less the product of their means if a bias is refitted too.
        size: neighbouring inputs that make a group: those of one head, or one for feed-forward units.
        stop: how many groups go; all of them unless said.
    """
    exact = weight.to(moment.device, torch.float64)
    inverse, product = torch.cholesky_inverse(positive_root(_damped(moment))), exact.T @ exact
    left = torch.arange(len(moment) // size, device=moment.device)
    going = len(left) if stop is None else stop
    order, rises = [left[:0]], [inverse.new_zeros(1)]
    while going:
        panel = _Panel(inverse, product, size, min(max(PANEL // size, 1), going))
        going -= len(panel.gone)
        order.append(left[panel.gone])
        rises.append(panel.rises)
        inverse, product = panel.updated()
        left = _closed_up(left, panel.gone)
    return Sweep(torch.cat(order), torch.cat(rises).cumsum(0))


def refitted(
    weight: Float[Tensor, "O I"], moment: Float[Tensor, "I I"], keep: Int[Tensor, " K"]
) -> Float[Tensor, "O K"]:
    """Return the weights with which the inputs in *keep* alone come closest to what all of them give; float64."""
    rows = _damped(moment)[keep]
    return torch.cholesky_solve(rows @ weight.to(rows).T, positive_root(rows[:, keep])).T


class _Panel:
    """The next *count* groups to go.

    Attributes:
        gone: which they are, in their order.
        rises: by how much each raises the error.
    """

    def __init__(self, inverse: Float[Tensor, "I I"], product: Float[Tensor, "I I"], size: int, count: int) -> None:
        self._inverse, self._product, self._size = inverse, product, size
        self._inverse_blocks, self._product_blocks = _blocks(inverse, size), _blocks(product, size)
        self._turns, self._shifts = (inverse.new_empty(count * size, len(inverse)) for _ in range(2))
        self.gone = torch.empty(count, dtype=torch.long, device=inverse.device)
        self.rises = inverse.new_empty(count)
        for step in range(count):
            costs = _costs(self._inverse_blocks, self._product_blocks)
            costs[self.gone[:step]] = torch.inf
            self.rises[step], self.gone[step] = costs.min(0)
            self._remove(int(self.gone[step]), step * size)

    def updated(self) -> tuple[Float[Tensor, "K K"], Float[Tensor, "K K"]]:
        """Return M and N of what stays; the matrices that came in are used up."""
        inputs = (self.gone[:, None] * self._size + torch.arange(self._size, device=self.gone.device)).flatten()
        self._inverse.addmm_(self._turns.T, self._turns, alpha=-1)
        self._product.addmm_(self._shifts.T, self._turns, alpha=-1).addmm_(self._turns.T, self._shifts, alpha=-1)
        inverse, product = (_closed_up(_closed_up(each, inputs).T, inputs).T for each in (self._inverse, self._product))
        return inverse, product

    def _remove(self, group: int, done: int) -> None:
        here = slice(group * self._size, (group + 1) * self._size)
        turns, shifts = self._turns[:done], self._shifts[:done]
        inverse = self._inverse[here] - turns[:, here].T @ turns
        product = self._product[here] - shifts[:, here].T @ turns - turns[:, here].T @ shifts
        root = positive_root(inverse[:, here])
        turn, shift = _solve(root, inverse), _solve(root, product)
        shift -= _solve(root, shift[:, here].T) @ turn / 2
        self._turns[done : done + self._size], self._shifts[done : done + self._size] = turn, shift
        self._inverse_blocks -= _block_products(turn, turn)
        both = _block_products(shift, turn)
        self._product_blocks -= both + both.mT
        self._inverse_blocks[group] = torch.eye(self._size)  # has gone: anything that can be divided by


def _closed_up(rows: Shaped[Tensor, "N ..."], gone: Int[Tensor, " G"]) -> Shaped[Tensor, "_ ..."]:
    """Return the rows that stay, in place: the last ones fill the gaps."""
    count = len(rows) - len(gone)
    last = torch.ones(len(rows), dtype=torch.bool, device=gone.device).index_fill(0, gone, value=False)
    last[:count] = False
    rows[gone[gone < count]] = rows[last.nonzero().flatten()]
    return rows[:count]


def _costs(inverse_blocks: Float[Tensor, "N S S"], product_blocks: Float[Tensor, "N S S"]) -> Float[Tensor, " N"]:
    if inverse_blocks.shape[-1] == 1:
        return (product_blocks / inverse_blocks).flatten()
    costs: Tensor = torch.linalg.solve(inverse_blocks, product_blocks).diagonal(dim1=1, dim2=2).sum(1)
    return costs


def _blocks(matrix: Float[Tensor, "I I"], size: int) -> Float[Tensor, "N S S"]:
    """Return a copy of the blocks on the diagonal."""
    count = len(matrix) // size
    return matrix.view(count, size, count, size).diagonal(dim1=0, dim2=2).permute(2, 0, 1).clone()


def _block_products(left: Float[Tensor, "S I"], right: Float[Tensor, "S I"]) -> Float[Tensor, "N S S"]:
    """Return the blocks on the diagonal of ``leftᵀ right``."""
    size = len(left)
    by_group = (each.view(size, -1, size).permute(1, 0, 2) for each in (left, right))
    return next(by_group).mT @ next(by_group)


def _damped(moment: Float[Tensor, "I I"]) -> Float[Tensor, "I I"]:
    power = moment.diagonal().mean()
    ridge = RIDGE * power.where(power > 0, 1)  # without any input all weights of one size count the same
    return moment.double() + ridge * torch.eye(len(moment), dtype=torch.float64, device=moment.device)


def _solve(root: Float[Tensor, "S S"], right: Float[Tensor, "S _"]) -> Float[Tensor, "S _"]:
    solved: Tensor = torch.linalg.solve_triangular(root, right, upper=False)
    return solved
