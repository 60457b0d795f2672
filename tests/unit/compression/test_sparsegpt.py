"""The column sweep alone: what it leaves where theory says what must be left."""

import pytest
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from jobs.compression.sparsegpt import RIDGE, prune
from jobs.compression.sparsity import Pattern

INPUTS, OUTPUTS = 300, 20


def half(scores: Float[Tensor, "O W"]) -> Bool[Tensor, "O W"]:
    """Take the smaller half."""
    return Pattern(0.5).among_all([scores])[0]


def weight(seed: int = 0) -> Float[Tensor, "O I"]:
    """Return a random matrix of more columns than fit into one panel."""
    return torch.randn(OUTPUTS, INPUTS, generator=torch.Generator().manual_seed(seed))


def moment(seed: int = 1) -> Float[Tensor, "I I"]:
    """Return the second moment of inputs that depend on each other."""
    inputs = weight(seed).new_empty(4 * INPUTS, INPUTS).normal_(generator=torch.Generator().manual_seed(seed))
    mixed = inputs.double() @ torch.randn(INPUTS, INPUTS, generator=torch.Generator().manual_seed(2)).double()
    return mixed.T @ mixed / len(mixed)


@pytest.mark.parametrize("width", [8, INPUTS])
def test_inputs_that_say_nothing_of_each_other(width: int) -> None:
    """With a diagonal moment nothing can be made up for: what stays is bit for bit what it was."""
    dense = weight()
    pruned = prune(dense, torch.diag(torch.rand(INPUTS) + 0.1), half, width)

    gone = pruned == 0
    assert int(gone.sum()) == dense.numel() // 2
    assert torch.equal(pruned[~gone], dense.double()[~gone])


def test_equal_powers_leave_magnitude() -> None:
    """With equal and independent inputs the smallest weights go."""
    dense = weight()

    pruned = prune(dense, torch.eye(INPUTS), half, INPUTS)

    assert torch.equal(pruned == 0, half(dense.abs()))


def test_one_column_gone_is_refitted_exactly() -> None:
    """With the first column gone, the others are the least-squares fit of the dense outputs."""
    dense, gram = weight().double(), moment()
    gone = torch.zeros(OUTPUTS, INPUTS, dtype=torch.bool)
    gone[:, 0] = True
    ridged = gram + RIDGE * gram.diagonal().mean() * torch.eye(INPUTS)

    pruned = prune(dense, gram, lambda _: gone, INPUTS)

    fitted = torch.linalg.solve(ridged[1:, 1:], ridged[1:] @ dense.T).T
    torch.testing.assert_close(pruned[:, 1:], fitted)
    assert not pruned[:, 0].any()


def test_panels_are_only_a_matter_of_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refitting the columns after a panel in one product gives what refitting them one by one gives."""
    together = prune(weight(), moment(), half, 10)
    monkeypatch.setattr("jobs.compression.sparsegpt.PANEL", INPUTS)

    at_once = prune(weight(), moment(), half, 10)

    torch.testing.assert_close(together, at_once)


def test_no_other_refit_of_the_same_zeros_is_much_better() -> None:
    """The error stays within a factor of the full least-squares refit for the same zeros, and well below no refit."""
    dense, gram = weight().double(), moment()
    pruned = prune(dense, gram, half, 8)
    best = dense.new_zeros(dense.shape)
    for row, kept in enumerate(pruned != 0):
        best[row, kept] = torch.linalg.solve(gram[kept][:, kept], gram[kept] @ dense[row])

    def error(found: Tensor) -> float:
        change = found - dense
        return float((change @ gram @ change.T).trace())

    assert error(best) <= error(pruned) < 3 * error(best)
    assert error(pruned) < 0.6 * error(dense.where(pruned != 0, 0))


@pytest.mark.parametrize("dead", [slice(0, 0), slice(40, 90), slice(None)], ids=["none", "some", "all"])
def test_dead_inputs(dead: slice) -> None:
    """Inputs that were always zero, even all of them, give finite weights and an exact count."""
    gram = moment()
    gram[dead] = 0
    gram[:, dead] = 0

    pruned = prune(weight(), gram, half, 8)

    assert torch.isfinite(pruned).all()
    assert int((pruned == 0).sum()) >= OUTPUTS * INPUTS // 2 - INPUTS // 8
    assert torch.equal(pruned, prune(weight(), gram, half, 8))
