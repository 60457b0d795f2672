"""As much of the data as fits in minutes where nothing is trained, and no less than what such a result needs.

What is read off data are second moments and regressions on them. From N positions their error falls with d / N, d being
the number of directions that inputs really spread in: a few hundred in encoders of any width, since a few carry most
of the power and a ridge hides the rest. So beyond some thousand positions more of them change little: on MiniLM the
cosine of embeddings at half the parameters is 0.900 from 3300 positions, 0.907 from 6600 and 0.915 from 13000. What
they take grows with their number and with the model.
"""

from math import ceil

from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, ListBatches, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Anatomy

POSITIONS = 8192
"""What a result needs, in all sequences together: some 160 seconds of speech or 600 sentences."""

WORK = 85_000_000 * POSITIONS
"""Positions times weights of all layers that are gone through, at most, if that leaves enough positions: those of an
encoder of base size."""


def sampled(model: PreTrainedModel, anatomy: Anatomy, batches: Batches) -> Batches:
    """Return *batches*, or as many of them, evenly spread, as can be gone through."""
    first = next(iter(batches), None)
    if first is None:
        return batches
    weights = sum(each.numel() for each in anatomy.encoder(model).parameters())
    most = max(POSITIONS, WORK // weights)
    total = _positions(model, first) * sum(map(_numbers, batches)) / _numbers(first)
    count = ceil(len(batches) * most / total)
    if count >= len(batches):
        return batches
    chosen = {place * len(batches) // count for place in range(count)}
    return ListBatches([batch for index, batch in enumerate(batches) if index in chosen])


def _positions(model: PreTrainedModel, batch: Batch) -> int:
    """Return how many positions *batch* has inside the encoder; all of its sequences are as long as the first."""
    alone = {name: values[:1] for name, values in to_device(batch, device_of(model)).items()}
    with inference(model):
        return len(_values(batch)) * int(trunk_of(model)(**alone).last_hidden_state.shape[1])


def _numbers(batch: Batch) -> int:
    return _values(batch).numel()


def _values(batch: Batch) -> Tensor:
    """Return what the model reads, which comes first."""
    return next(iter(batch.values()))
