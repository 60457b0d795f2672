"""Which weights go, found piece by piece: the same as when all are looked at together."""

from collections.abc import Callable
from itertools import starmap

import pytest
import torch
from torch import Tensor

from jobs.compression import sparsity
from jobs.compression.sparsity import Pattern


def normal(*shape: int) -> Tensor:
    """Return numbers that are all different."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def tied(*shape: int) -> Tensor:
    """Return numbers of which many are equal but for their sign, zeros of both signs among them."""
    return (normal(*shape) * 2).round() / 2


@pytest.mark.parametrize(
    "pattern", [Pattern(0.3), Pattern(0.0), Pattern(0.97), Pattern(0.4, block=3), Pattern(0.5, fours=True)]
)
@pytest.mark.parametrize("make", [normal, tied])
def test_pieces_are_as_good_as_the_whole(
    pattern: Pattern, make: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mask is the same to the last tie, over several matrices and whatever the size of a piece."""
    matrices = list(starmap(make, ((7, 12), (20, 16), (1, 4), (5, 8))))
    wanted = pattern.among_all([each.abs() for each in matrices])
    pruned = [each.clone() for each in matrices]
    monkeypatch.setattr(sparsity, "PIECE", 30)

    for rows, drop in pattern.by_magnitude(pruned):
        rows.masked_fill_(drop, torch.nan)

    assert all(torch.equal(each.isnan(), drop) for each, drop in zip(pruned, wanted, strict=True))
