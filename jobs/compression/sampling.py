"""As much of the data as fits in minutes where nothing is trained, and no less than what such a result needs.

What is read off data are second moments and regressions on them. From N positions their error falls with d / N, d being
the number of directions that inputs really spread in: a few hundred in encoders of any width, since a few carry most
of the power and a ridge hides the rest. So more positions help, but ever less, while the time that they take grows with
their number and with the model: factorised to half, MiniLM keeps a cosine of embeddings of 0.884 from 3300 positions,
0.899 from 6600 and 0.912 from 13,000.
"""

from collections.abc import Iterator, Sequence
from math import ceil

from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Anatomy

POSITIONS = 8192
"""What a result needs, in all sequences together: some 160 seconds of speech or 600 sentences."""

WORK = 85_000_000 * POSITIONS
"""Positions times weights of all layers that are gone through, at most, if that leaves enough positions: those of an
encoder of base size."""


class Sample:
    """As much of some data as can be gone through: all of it, or evenly spread batches, chosen when first asked for.

    Args:
        model: what is to go through it.
        anatomy: of *model*.
        everything: what there is.
    """

    def __init__(self, model: PreTrainedModel, anatomy: Anatomy, everything: Batches) -> None:
        self._model, self._anatomy, self._everything = model, anatomy, everything
        self._chosen: Sequence[Batch] | None = None

    def __len__(self) -> int:
        """Return how many batches there are."""
        return len(self._batches())

    def __iter__(self) -> Iterator[Batch]:
        """Yield each batch."""
        return iter(self._batches())

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the report should know: nothing where all was used, or none."""
        if self._chosen is None or len(self._chosen) == len(self._everything):
            return ()
        return (f"Measured on {len(self._chosen)} of {len(self._everything)} batches of the data, evenly spread.",)

    def _batches(self) -> Sequence[Batch]:
        if self._chosen is None:
            self._chosen = _spread(list(self._everything), self._most())
        return self._chosen

    def _most(self) -> float:
        """Return how many batches can be gone through."""
        first = next(iter(self._everything), None)
        if first is None:
            return 0
        weights = sum(each.numel() for each in self._anatomy.encoder(self._model).parameters())
        positions = _positions(self._model, first) / _numbers(first) * sum(map(_numbers, self._everything))
        return len(self._everything) * max(POSITIONS, WORK // weights) / positions


def _spread(everything: Sequence[Batch], most: float) -> Sequence[Batch]:
    """Return *most* of the batches, or one more; they lie in the order of their lengths."""
    count = ceil(most)
    if count >= len(everything):
        return everything
    chosen = {place * len(everything) // count for place in range(count)}
    return [batch for index, batch in enumerate(everything) if index in chosen]


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
