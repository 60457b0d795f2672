"""What comes out of a model's layers: hidden states at every depth, and which of their positions are real."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from jobs.batches import Batch, suited, trunk_of


@dataclass(frozen=True, slots=True)
class States:
    """What one forward pass gives, on the CPU.

    Attributes:
        output: the last hidden states of the base model.
        layers: what each layer gives, bottom first; a layer that is used several times gives as many.
        real: which positions are not padding.
    """

    output: Float[Tensor, "B T D"]
    layers: Sequence[Float[Tensor, "*_ D"]]
    real: Bool[Tensor, "B T"]


def states_of(model: nn.Module, batch: Batch, stack: Iterable[nn.Module] = ()) -> States:
    """Return the hidden states of *model* below its head, and those of the layers in *stack*.

    Padding is told by the batch's ``attention_mask``, mapped from samples to frames as the model itself does where it
    shortens its input.
    """
    base: Any = trunk_of(model)
    inputs = suited(batch, model)
    layers: list[Tensor] = []
    with ExitStack() as hooks:
        for layer in stack:
            hooks.enter_context(layer.register_forward_hook(lambda *heard: layers.append(hidden_states(heard[2]))))
        output = base(**inputs).last_hidden_state
    real = _real(base, inputs.get("attention_mask"), output)
    return States(output.cpu(), [each.cpu() for each in layers], real.cpu())


def hidden_states(output: Any) -> Float[Tensor, "B T D"]:
    """Return the hidden states of what a layer gives: some give a tuple, in which they come first."""
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


def real_rows(states: Float[Tensor, "*_ W"], real: Bool[Tensor, "B T"] | None) -> Float[Tensor, "N W"]:
    """Return the positions of *states* that are *real*, one a row; all where they are not one for each position."""
    rows = states.reshape(-1, states.shape[-1])  # some families join batch and positions themselves
    if real is None or len(rows) != real.numel():  # some maps read more than hidden states: embedded distances
        return rows
    return rows[real.flatten()]


def _real(base: Any, mask: Tensor | None, hidden: Tensor) -> Tensor:
    if mask is None:
        return torch.ones(hidden.shape[:2], dtype=torch.bool)
    if mask.shape[1] == hidden.shape[1]:
        return mask.bool()
    mapped: Tensor = base._get_feature_vector_attention_mask(hidden.shape[1], mask)  # noqa: SLF001 - the one true mapping
    return mapped.bool()
