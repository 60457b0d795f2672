"""Only real positions count, whichever way a family's maps are given them."""

from copy import deepcopy

import pytest
import torch
from transformers import PreTrainedModel

from jobs.activations import real_rows
from jobs.batches import Batch
from jobs.compression.anatomy import anatomy_of
from jobs.compression.learning.matching import Matching
from jobs.compression.learning.whitening import whitening_of
from tests.tiny import tiny, tiny_batch


def apart(padded: Batch) -> list[Batch]:
    """Return the two sequences of a padded batch, each alone and without its padding."""
    ids = padded["input_ids"]
    return [
        {name: row[None, : int(mask.sum())] for name, row in (("input_ids", each), ("attention_mask", mask))}
        for each, mask in zip(ids, padded["attention_mask"], strict=True)
    ]


def whitening(model: PreTrainedModel, batches: list[Batch]) -> dict[str, torch.Tensor]:
    """Return what whitens the inputs of each matrix, by its name."""
    matching = Matching(model, deepcopy(model), anatomy_of(model), range(2))
    found, names = whitening_of(matching, batches), {each: name for name, each in model.named_parameters()}
    return {names[parameter]: whiten for parameter, whiten in found.items()}


@pytest.mark.parametrize("family", ["bert", "opt"])
def test_padding_does_not_change_what_whitens(family: str) -> None:
    """Sequences padded together are whitened as they are alone, also in maps that are given them all in one row."""
    model, padded = tiny(family), tiny_batch(family, padded=True)

    together, alone = whitening(model, [padded]), whitening(model, apart(padded))

    assert len(together) == 12
    for name, each in together.items():
        torch.testing.assert_close(each, alone[name], rtol=1e-3, atol=1e-3)


def test_what_is_no_position_is_kept() -> None:
    """Rows that are not one for each position, such as embedded distances, are all real."""
    states, real = torch.arange(12.0).view(1, 6, 2), torch.tensor([[True, False]])

    assert torch.equal(real_rows(states, real), states[0])
    assert torch.equal(real_rows(states[:, :2], real), states[0, :1])
    assert torch.equal(real_rows(states, None), states[0])
