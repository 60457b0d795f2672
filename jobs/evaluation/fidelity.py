"""How close a compressed model's output is to the dense model's: the first, label-free measure of quality."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jobs.batches import Batch, Batches, inference, suited, trunk_of
from jobs.contract.report import Fidelity


def fidelity(dense: nn.Module, compressed: nn.Module, batches: Batches, *, source: str) -> Fidelity:
    """Return how close the last hidden states of two models are on the same *batches*.

    Models with a task head are compared below it. Padding does not count: positions are taken from the batch's
    ``attention_mask``, mapped from samples to frames as the model itself does where it shortens its input.

    Args:
        dense: the reference.
        compressed: gives hidden states of the same shape.
        batches: at least one.
        source: where the batches come from, as the report names it.
    """
    sums = _Sums()
    with inference(dense, compressed):
        for batch in batches:
            wanted, mask = _hidden(dense, batch)
            sums.add(wanted[mask], _hidden(compressed, batch)[0][mask], samples=len(wanted))
    return sums.result(source)


def _hidden(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the last hidden states (B, T, D) and which positions are real (B, T), on the CPU."""
    base: Any = trunk_of(model)
    inputs = suited(batch, model)
    hidden = base(**inputs).last_hidden_state
    mask = inputs.get("attention_mask")
    if mask is None:
        real = torch.ones(hidden.shape[:2], dtype=torch.bool)
    elif mask.shape[1] == hidden.shape[1]:
        real = mask.bool()
    else:
        real = base._get_feature_vector_attention_mask(hidden.shape[1], mask)  # noqa: SLF001 - the one true mapping
    return hidden.cpu(), real.cpu()


@dataclass(slots=True)
class _Sums:
    """What the two figures need, added up over batches."""

    cosine: float = 0.0
    positions: int = 0
    difference_squared: float = 0.0
    wanted_squared: float = 0.0
    samples: int = 0

    def add(self, wanted: Tensor, given: Tensor, *, samples: int) -> None:
        """Add the positions (N, D) of one batch."""
        wanted, given = wanted.double(), given.double()
        self.cosine += float(nn.functional.cosine_similarity(wanted, given, dim=-1).sum())
        self.positions += len(wanted)
        self.difference_squared += float((wanted - given).square().sum())
        self.wanted_squared += float(wanted.square().sum())
        self.samples += samples

    def result(self, source: str) -> Fidelity:
        """Return the mean cosine and the relative Frobenius error over everything added."""
        cosine = min(1.0, self.cosine / self.positions)  # a sum of ones may round up
        relative_error = (self.difference_squared / self.wanted_squared) ** 0.5
        return Fidelity(cosine, relative_error, self.samples, source)
