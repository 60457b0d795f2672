"""What flows through a model: batches of its forward's keyword arguments, real or made up."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn

from jobs.contract.spec import InputKind

Modality: TypeAlias = InputKind
"""What a model takes: ``text``, ``audio`` or ``image``."""

Batch: TypeAlias = Mapping[str, Tensor]
"""Keyword arguments of one forward pass, each ``(B, …)``; an ``attention_mask`` says which positions are real."""

HELD_OUT_EVERY = 5
"""One batch in so many is kept from every technique and judges the result."""


class Batches(Protocol):
    """A finite sequence of batches; iterating twice gives the same batches twice."""

    def __len__(self) -> int:
        """Return how many batches there are."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield each batch."""


@dataclass(frozen=True, slots=True)
class ListBatches:
    """Batches held in memory."""

    batches: Sequence[Batch]

    def __len__(self) -> int:
        """Return how many batches there are."""
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        """Yield each batch."""
        return iter(self.batches)


def held_out(batches: Batches) -> tuple[Batches, Batches]:
    """Return the batches to learn from and those to judge by: every fifth, or with fewer than two the same for both."""
    everything = list(batches)
    judging = everything[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY] or everything[1:][-1:]
    learning = [batch for batch in everything if not any(batch is judge for judge in judging)]
    return ListBatches(learning), ListBatches(judging or learning)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch with every tensor on *device*."""
    return {name: tensor.to(device) for name, tensor in batch.items()}


def suited(batch: Batch, model: nn.Module) -> Batch:
    """Return the batch on the model's device, and its floating-point tensors in the type the model computes in."""
    device, dtype = device_of(model), dtype_of(model)
    return {name: tensor.to(device, dtype if tensor.is_floating_point() else None) for name, tensor in batch.items()}


def dtype_of(model: nn.Module) -> torch.dtype:
    """Return the type of the model's first floating-point parameter; float32 for a model without any."""
    types = (parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
    return next(types, torch.float32)


def device_of(model: nn.Module) -> torch.device:
    """Return where the model's parameters are, of those that have bytes if any has; the CPU for a model without any."""
    first = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    held = (parameter.device for parameter in model.parameters() if not parameter.is_meta)
    return next(held, first) if first.type == "meta" else first


def trunk_of(model: nn.Module) -> nn.Module:
    """Return the part of *model* that turns a batch into hidden states: below the head, and without any decoder."""
    base: nn.Module = getattr(model, "base_model", model)
    whole = not getattr(getattr(base, "config", None), "is_encoder_decoder", False)
    return base if whole else base.get_submodule("encoder")


def entry_of(model: nn.Module) -> nn.Module:
    """Return the part of *model* that takes a batch: all of it, unless that asks for a decoder's input too."""
    asks = "decoder_input_ids" in signature(model.forward).parameters
    return trunk_of(model) if asks else model


@contextmanager
def inference(*models: nn.Module) -> Iterator[None]:
    """Run the block with *models* in evaluation mode and without gradients, and leave them as they were.

    ``torch.inference_mode`` would leave tensors behind that can never be trained on, in models that keep some.
    """
    training = [module for model in models for module in model.modules() if module.training]
    for model in models:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
