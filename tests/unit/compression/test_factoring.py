"""Factors are the best of their rank: against a full SVD, and against every other choice on real inputs."""

import pytest
import torch

from jobs.compression.factoring import factors, parity, root_of, spectrum, suiting

SHAPES = [(24, 40), (40, 24), (32, 32)]


def matrix(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return a random matrix."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [1, 7, 24])
def test_the_error_is_that_of_the_svd(shape: tuple[int, int], rank: int) -> None:
    """Plain factors lose exactly the energy of the singular values left out."""
    weight = matrix(*shape).double()

    down, up = factors(spectrum(weight), rank)

    left_out = torch.linalg.svdvals(weight)[rank:].square().sum()
    torch.testing.assert_close((weight - up @ down).square().sum(), left_out, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_both_sides_are_balanced(shape: tuple[int, int]) -> None:
    """Each factor gets the square root of every singular value."""
    weight = matrix(*shape)

    down, up = factors(spectrum(weight), 5)

    values = torch.linalg.svdvals(weight.double())[:5].sort().values
    torch.testing.assert_close((down @ down.T).diagonal().sort().values, values)
    torch.testing.assert_close((up.T @ up).diagonal().sort().values, values)


@pytest.mark.parametrize("shape", SHAPES)
def test_weighting_serves_the_inputs_better(shape: tuple[int, int]) -> None:
    """For inputs with a strong direction, weighted factors lose what theory says, and less than plain ones."""
    weight = matrix(*shape).double()
    inputs = matrix(500, shape[1], seed=1).double() * torch.logspace(-2, 1, shape[1]).double()
    moment = inputs.T @ inputs / 500

    def loss(root: torch.Tensor | None) -> float:
        down, up = factors(spectrum(weight, root), 6)
        return float(((weight - up @ down) @ inputs.T).square().sum() / 500)

    best = torch.linalg.svdvals(weight @ torch.linalg.cholesky(moment))[6:].square().sum()
    assert loss(root_of(moment)) < 0.5 * loss(None)
    assert loss(root_of(moment)) == pytest.approx(float(best), rel=1e-2)


def test_dead_inputs_do_not_break_the_root() -> None:
    """A feature that is always zero leaves a usable root, as does a model that hears nothing at all."""
    dead = torch.diag(torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64))

    assert torch.isfinite(root_of(dead)).all()
    assert torch.isfinite(root_of(torch.zeros(3, 3, dtype=torch.float64))).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_matrix_of_low_rank_is_found_out(shape: tuple[int, int]) -> None:
    """A matrix of rank 3 needs rank 3 for all its energy, and keeping more does no harm."""
    weight = (matrix(shape[0], 3) @ matrix(3, shape[1], seed=1)).double()
    found = spectrum(weight)

    assert found.rank_for(0.999999) == 3
    for rank in (3, 10):
        down, up = factors(found, rank)
        torch.testing.assert_close(up @ down, weight, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("shape", "largest"), [((768, 768), 383), ((3072, 768), 614), ((2, 2), 0)])
def test_parity(shape: tuple[int, int], largest: int) -> None:
    """The largest rank that pays holds fewer parameters, the next does not."""
    outputs, inputs = shape

    assert parity(outputs, inputs) == largest
    assert largest * (outputs + inputs) < outputs * inputs <= (largest + 1) * (outputs + inputs)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [1, 7, 24])
def test_what_is_seen_counts_too(shape: tuple[int, int], rank: int) -> None:
    """Weighed on both sides, factors lose exactly the energy left out, and are still balanced."""
    weight = matrix(*shape).double()
    root, seen = (root_of(each @ each.T) for each in (matrix(shape[1], 60, seed=1), matrix(shape[0], 60, seed=2)))
    root, seen = root.double(), seen.double()

    found = spectrum(weight, root, seen)
    down, up = factors(found, rank)

    lost = (seen.T @ (weight - up @ down) @ root).square().sum()
    torch.testing.assert_close(lost, found.energies[rank:].sum(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close((down @ down.T).diagonal(), (up.T @ up).diagonal())


@pytest.mark.parametrize(
    ("rank", "most", "wanted"), [(307, 614, 304), (154, 307, 160), (192, 384, 192), (127, 300, 127), (139, 141, 141)]
)
def test_large_ranks_suit_the_kernels(rank: int, most: int, wanted: int) -> None:
    """From 128 on a rank goes to the nearest multiple of 16, unless that would not pay; smaller ones stay."""
    assert suiting(rank, most) == wanted
