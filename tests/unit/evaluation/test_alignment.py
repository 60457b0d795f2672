"""Linear CKA, streamed."""

import pytest
import torch
from torch import Tensor

from jobs.evaluation.alignment import Alignment


def aligned(first: Tensor, second: Tensor, parts: int = 1) -> float:
    """Return the alignment of two sets of states that come in *parts*."""
    sums = Alignment()
    for one, other in zip(first.tensor_split(parts), second.tensor_split(parts), strict=True):
        sums.add(one, other)
    return sums.result()


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Return states far from the origin, as real ones are."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + 5


def test_it_is_its_definition_over_kernels() -> None:
    """Added up in parts it is what the centred N × N kernels of everything give."""
    first, second = noise(50, 8), noise(50, 8) + 0.5 * noise(50, 8, seed=1)
    x, y = ((each - each.mean(dim=0)).double() for each in (first, second))
    kernels = x @ x.T, y @ y.T
    wanted = (kernels[0] * kernels[1]).sum() / (kernels[0].norm() * kernels[1].norm())

    assert aligned(first, second, parts=4) == pytest.approx(float(wanted), abs=1e-5)
    assert float(wanted) < 0.95


def test_a_rotation_and_a_scale_change_nothing() -> None:
    """What the next layer could undo does not count, and neither does a shift."""
    states = noise(60, 6)
    rotation = torch.linalg.qr(noise(6, 6, seed=2))[0]

    assert aligned(states, 3 * states @ rotation - 7, parts=3) == pytest.approx(1, abs=1e-5)


def test_what_does_not_vary_is_aligned_with_nothing() -> None:
    """A layer that always gives the same, and no positions at all, are 0 and not undefined."""
    assert aligned(noise(20, 4), torch.ones(20, 4)) == 0
    assert Alignment().result() == 0
