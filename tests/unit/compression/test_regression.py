"""Ridge regression from sums is exact where the data says all, and careful where it says little."""

import torch
from torch import Tensor

from jobs.compression.regression import Regression


def fitted(inputs: Tensor, outputs: Tensor, *, bias: bool = True, batches: int = 4) -> Tensor | None:
    """Return what is found when the rows come in so many batches."""
    regression = Regression(inputs.shape[1], outputs.shape[1], bias=bias, device=inputs.device)
    for x, y in zip(inputs.chunk(batches), outputs.chunk(batches), strict=True):
        regression.add(x, y)
    return regression.solve()


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Return normal random numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_linear_relation_is_found() -> None:
    """Without noise the map and its bias come out, but for the smallest ridge."""
    x, weight, bias = normal(200, 5), normal(3, 5, seed=1), normal(3, seed=2)

    found = fitted(x, x @ weight.T + bias)

    assert found is not None
    torch.testing.assert_close(found, torch.cat([weight, bias[:, None]], dim=1).double(), rtol=0, atol=1e-4)


def test_without_bias_there_is_no_such_column() -> None:
    """A map that has no bias gets none."""
    x = normal(100, 5)

    found = fitted(x, x @ normal(3, 5, seed=1).T, bias=False)

    assert found is not None
    assert found.shape == (3, 5)


def test_how_the_rows_are_batched_hardly_matters() -> None:
    """Sums over batches are sums over rows; batches only decide which rows choose the ridge."""
    x = normal(400, 5)
    y = x @ normal(3, 5, seed=1).T + 0.01 * normal(400, 3, seed=2)

    one, many = fitted(x, y, batches=1), fitted(x, y, batches=8)

    assert one is not None
    assert many is not None
    torch.testing.assert_close(one, many, rtol=0, atol=1e-2)


def test_noise_is_not_learnt() -> None:
    """Where outputs have nothing to do with inputs, what comes out is next to nothing, or nothing at all."""
    x, y = normal(40, 30), normal(40, 8, seed=1)

    found = fitted(x, y)

    assert found is None or found.norm() < 0.2 * torch.linalg.lstsq(x, y).solution.norm()


def test_inputs_that_are_always_zero_do_no_harm() -> None:
    """Dead inputs get weights of zero, and nothing becomes infinite."""
    x = normal(100, 5) * torch.tensor([1.0, 1, 0, 1, 0])

    found = fitted(x, x @ normal(3, 5, seed=1).T)

    assert found is not None
    assert found[:, [2, 4]].count_nonzero() == 0
    assert found.isfinite().all()
