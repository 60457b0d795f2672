"""Scores are the l1 norms that the paper's code uses."""

import torch

from jobs.compression.anatomy import anatomy_of
from jobs.compression.factoring import factors, spectrum
from jobs.compression.scoring import heads_l1, units_l1
from jobs.compression.surgery import factorise
from tests.tiny import tiny


def test_a_head_weighs_its_query_key_and_value() -> None:
    """A head's score sums the absolute weights and biases of its rows; output does not take part."""
    model = tiny("bert")
    attention = anatomy_of(model).layers(model)[0].attention
    maps = [each.linear for each in (attention.query, attention.key, attention.value)]

    score = heads_l1(attention)[2]

    rows = slice(16, 24)
    expected = sum(each.weight[rows].abs().sum() + each.bias[rows].abs().sum() for each in maps)
    torch.testing.assert_close(score, expected.detach())


def test_a_unit_weighs_its_row_bias_and_column() -> None:
    """A unit's score sums the absolute weights of its row, bias and column."""
    model = tiny("hubert")
    block = anatomy_of(model).layers(model)[1].feed_forward
    up, down = block.up.linear, block.down.linear

    score = units_l1(block)[7]

    expected = up.weight[7].abs().sum() + up.bias[7].abs() + down.weight[:, 7].abs().sum()
    torch.testing.assert_close(score, expected.detach())


def test_factorised_maps_weigh_what_their_product_weighs() -> None:
    """Factors at full rank give the same scores as the dense map."""
    model = tiny("vit")
    block = anatomy_of(model).layers(model)[0].feed_forward
    dense = units_l1(block)

    factorise(block.up, *factors(spectrum(block.up.weight().detach()), 32))

    torch.testing.assert_close(units_l1(block), dense, rtol=1e-4, atol=1e-4)
