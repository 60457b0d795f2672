"""How much of a head or a feed-forward unit reaches the model's output, from gradients and without labels.

Give part i of a sample's activations a factor, which is one in the model as it is. The derivative of the output f(x) by
that factor is seen through a random probe r ~ N(0, I) of the last hidden states: p, the sum over the part's activations
of activation times ``∂⟨r, f(x)⟩ / ∂activation``, for all parts at once from one backward pass. A loss that compares the
model with itself would not do: its gradient is zero where nothing has changed yet.

``taylor`` is the mean over samples of ``Σ_t |p_t|``, positions t apart. ``fisher`` is the mean of ``(Σ_t p_t)²``, the
diagonal of the Gauss-Newton matrix: how far f moves, in squares, when the part fades.

Source: Michel et al. 2019, arXiv:1905.10650, and Lin et al. 2022, arXiv:2211.09949 (taylor); Kwon et al. 2022,
arXiv:2204.09656 (fisher, masks for each sample).
Differs: random probes instead of a training loss.
Cost: a forward and a backward pass over the data.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Anatomy, Slot
from jobs.compression.streams import listening
from jobs.compression.technique import Progress

Measure: TypeAlias = Literal["taylor", "fisher"]
Reader: TypeAlias = tuple[Slot, int]
"""The map that reads some parts, and how many of its inputs make one."""


def sensitivities(
    measure: Measure,
    model: PreTrainedModel,
    anatomy: Anatomy,
    readers: Sequence[Reader],
    batches: Batches,
    *,
    rng: torch.Generator,
    progress: Progress,
) -> list[Float[Tensor, " N"]]:
    """Return, for each of *readers*, how much of each part reaches the output; float64.

    Args:
        measure: ``taylor`` or ``fisher``.
        model: left as it is.
        anatomy: of *model*.
        readers: maps, and how wide their parts are.
        batches: samples to look at.
        rng: makes the probes.
        progress: called after each batch.
    """
    sums = [torch.zeros(slot.linear.in_features // size, dtype=torch.float64) for slot, size in readers]
    samples = 0
    for done, batch in enumerate(batches, start=1):
        here = to_device(batch, device_of(model))
        found = _products(model, anatomy, [slot for slot, _ in readers], here, rng)
        for total, products in zip(sums, found, strict=True):
            parts = products.view(*products.shape[:2], len(total), -1).sum(dim=3)
            weighed = parts.abs().sum(dim=1) if measure == "taylor" else parts.sum(dim=1).square()
            total.add_(weighed.sum(dim=0).to(total))
        samples += len(found[0])
        progress(done, len(batches), "scoring")
    return [total / samples for total in sums]


def _products(
    model: PreTrainedModel, anatomy: Anatomy, slots: Sequence[Slot], batch: Batch, rng: torch.Generator
) -> list[Float[Tensor, "B _ _"]]:
    """Return activation times gradient, under one random probe, of what each slot's map reads; (B, T, I)."""
    heard: list[list[Tensor]] = [[] for _ in slots]

    def hear(index: int, given: Tensor) -> None:
        heard[index].append(given if given.requires_grad else given.requires_grad_())

    with inference(model), torch.enable_grad(), listening(slots, hear):
        output: Tensor = trunk_of(model)(**batch).last_hidden_state
        probe = torch.randn(output.shape, generator=rng).to(output)
        real = anatomy.real_positions(model, batch, output.shape[1])
        if real is not None:
            probe *= real[..., None]
        activations = [each for inputs in heard for each in inputs]
        gradients = torch.autograd.grad((output * probe).sum(), activations)
    products = iter([(each * slope).detach() for each, slope in zip(activations, gradients, strict=True)])
    rows = len(output)
    return [torch.cat([next(products).view(rows, -1, each.shape[-1]) for each in inputs], dim=1) for inputs in heard]
