"""Cholesky factors where rounding has left a matrix short of positive."""

import pytest
import torch

from jobs.compression.roots import positive_root


def test_a_positive_matrix_gets_its_own_factor() -> None:
    """Nothing is added where nothing is needed."""
    inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moment = inputs.T @ inputs

    assert torch.equal(positive_root(moment), torch.linalg.cholesky(moment))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_of_one_direction_have_a_factor(dtype: torch.dtype) -> None:
    """Single precision leaves such a moment indefinite; its factor is right to that precision."""
    row = torch.randn(1, 48, generator=torch.Generator().manual_seed(0))
    moment = (row.T @ row).to(dtype)
    moment[0, 0] -= 1e-6
    found = positive_root(moment)

    assert torch.linalg.cholesky_ex(moment).info
    assert torch.allclose(found @ found.T, moment, atol=1e-4)


def test_no_inputs_have_a_factor() -> None:
    """Of nothing, something very small."""
    assert positive_root(torch.zeros(4, 4)).abs().max() < 1e-10


@pytest.mark.parametrize("value", [-1e30, float("nan")])
def test_what_is_far_from_positive_is_refused(value: float) -> None:
    """A ridge cures rounding, and nothing else."""
    moment = torch.eye(4)
    moment[0, 0] = value

    with pytest.raises(ArithmeticError, match="positive but for rounding"):
        positive_root(moment)
