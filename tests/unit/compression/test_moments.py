"""Second moments are those of the real positions."""

import pytest
import torch

from jobs.batches import ListBatches
from jobs.compression.anatomy import anatomy_of
from jobs.compression.moments import second_moments
from tests.tiny import tiny, tiny_batch, tiny_batches


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


@pytest.mark.parametrize("family", ["bert", "wav2vec2"])
def test_padding_does_not_count(family: str) -> None:
    """Sequences padded together give the moments that they give alone."""
    model = tiny(family, **({"feat_extract_norm": "layer"} if family == "wav2vec2" else {}))
    anatomy = anatomy_of(model)
    slot = anatomy.layers(model)[0].attention.query
    padded = tiny_batch(family, padded=True)
    name = next(iter(padded))
    half = padded[name].shape[1] // 2
    alone = ListBatches([{name: padded[name][:1]}, {name: padded[name][1:, :half]}])

    together = second_moments(model, anatomy, [slot], ListBatches([padded]), silent)[0]

    apart = second_moments(model, anatomy, [slot], alone, silent)[0]
    torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-4)


def test_they_are_the_mean_outer_products() -> None:
    """The moment of the first map's input is the mean of the outer products of the embeddings."""
    model = tiny("bert")
    anatomy = anatomy_of(model)
    batches = tiny_batches("bert", 3)

    found = second_moments(model, anatomy, [anatomy.layers(model)[0].attention.query], batches, silent)[0]

    with torch.no_grad():
        inputs = torch.cat([model.embeddings(**batch).flatten(0, 1) for batch in batches])
    torch.testing.assert_close(found, (inputs.T @ inputs / len(inputs)).double(), rtol=1e-4, atol=1e-5)
