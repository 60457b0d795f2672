"""What flows into linear maps: the second moments of their inputs, from one pass over calibration data.

Source: the input covariance of SVD-LLM, arXiv:2403.07378; the Gram matrix of SparseGPT, arXiv:2301.00774.
Cost: one forward pass a batch, and one (I, N) x (N, I) product a map.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Anatomy, Slot
from jobs.compression.streams import real_rows
from jobs.compression.technique import Progress


def second_moments(
    model: PreTrainedModel, anatomy: Anatomy, slots: Sequence[Slot], batches: Batches, progress: Progress
) -> list[Float[Tensor, "I I"]]:
    """Return the mean of ``x xᵀ`` over the inputs x of each slot's map, padding left out; float64."""
    tally = _Tally(anatomy, model, len(slots))
    device = device_of(model)
    with inference(model), _listening(slots, tally):
        for done, batch in enumerate(batches, start=1):
            tally.batch = to_device(batch, device)
            trunk_of(model)(**tally.batch)
            progress(done, len(batches), "calibration")
    return tally.means()


class _Tally:
    """Sums ``x xᵀ`` of one forward pass after the other."""

    def __init__(self, anatomy: Anatomy, model: PreTrainedModel, slots: int) -> None:
        self.anatomy, self.model = anatomy, model
        self.batch: Batch = {}
        self.sums: list[Tensor | None] = [None] * slots
        self.rows = [0] * slots

    def add(self, index: int, inputs: Float[Tensor, "B T I"]) -> None:
        real = self.anatomy.real_positions(self.model, self.batch, inputs.shape[1])
        x = real_rows(inputs, real).float()
        product = x.T @ x
        known = self.sums[index]
        self.sums[index] = product if known is None else known.add_(product)
        self.rows[index] += len(x)

    def means(self) -> list[Float[Tensor, "I I"]]:
        return [total.double() / rows for total, rows in zip(self.sums, self.rows, strict=True) if total is not None]


@contextmanager
def _listening(slots: Sequence[Slot], tally: _Tally) -> Iterator[None]:
    def listener(index: int) -> torch.utils.hooks.RemovableHandle:
        def hear(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            tally.add(index, arguments[0])

        return slots[index].linear.register_forward_pre_hook(hear)

    handles = [listener(index) for index in range(len(slots))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
