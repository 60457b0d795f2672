"""Amounts become exact sets."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jobs.compression.selection import Amount, share_of, smallest, survivors
from jobs.contract.errors import TargetUnreachableError

few_values = st.lists(st.integers(0, 3), min_size=1, max_size=40)


@given(few_values, st.data())
def test_smallest_takes_exactly_so_many(values: list[int], data: st.DataObject) -> None:
    """However many scores are equal, the count is exact and nothing larger goes before something smaller."""
    count = data.draw(st.integers(0, len(values)))
    scores = torch.tensor(values, dtype=torch.float32)

    chosen = smallest(scores, count)

    assert int(chosen.sum()) == count
    assert sorted(scores[chosen].tolist()) == sorted(values)[:count]


def test_ties_are_settled_by_position() -> None:
    """Of equal scores the first ones go."""
    assert smallest(torch.tensor([2.0, 1.0, 2.0, 2.0]), 3).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("share", "present", "expected"),
    [(0.0, 12, 0), (0.01, 12, 1), (0.5, 12, 6), (0.99, 12, 11), (0.3, 12, 4), (0.5, 1, 0)],
)
def test_a_share_becomes_the_nearest_count(share: float, present: int, expected: int) -> None:
    """A share is rounded, never to zero unless it is zero, and never takes the last part."""
    assert share_of(share, present, present - 1) == expected


def test_layers_keep_the_same_number() -> None:
    """With scope layer, each layer keeps its own best."""
    scores = [torch.tensor([1.0, 9.0, 2.0, 8.0]), torch.tensor([70.0, 10.0, 80.0, 20.0])]

    kept = survivors(scores, Amount(removed=0.5, kept=None), "layer")

    assert [each.tolist() for each in kept] == [[1, 3], [0, 2]]


def test_globally_the_weak_go_but_no_layer_is_emptied() -> None:
    """With scope global, layers compete, and the best of each stays."""
    scores = [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 20.0, 30.0])]

    kept = survivors(scores, Amount(removed=None, kept=3), "global")

    assert [each.tolist() for each in kept] == [[2], [1, 2]]


def test_fewer_than_one_a_layer_cannot_be_kept() -> None:
    """A count below one a layer is refused with the smallest that can be had."""
    with pytest.raises(TargetUnreachableError, match="expected 2 or more; got 1"):
        survivors([torch.ones(3), torch.ones(3)], Amount(removed=None, kept=1), "global")
