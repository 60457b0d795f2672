"""What probes see of a model: its hidden states as they are, averaged over time or frame by frame.

Cost: one forward pass for each batch, and reading the data anew; the states of the samples in memory.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.activations import States, states_of
from jobs.batches import inference
from jobs.contract.errors import NotApplicableError
from jobs.datasets.files import Placed

Heard: TypeAlias = Callable[[int, int], None]
"""Is told how many batches are done, of how many."""


def pooled(model: nn.Module, batches: Sequence[Placed], heard: Heard) -> Float[Tensor, "N 1 D"]:
    """Return the mean over real positions of the last hidden states of each sample, in the samples' order."""
    return _pooled(model, batches, heard, (), lambda states: [states.output])


def pooled_layers(
    model: nn.Module, batches: Sequence[Placed], heard: Heard, stack: Iterable[nn.Module]
) -> Float[Tensor, "N L D"]:
    """Return the mean over real positions of what each layer of *stack* gives of each sample.

    Raises:
        NotApplicableError: a layer gives something else than a state for each position.
    """
    return _pooled(model, batches, heard, stack, lambda states: [_by_position(states, each) for each in states.layers])


def frames(model: nn.Module, batches: Sequence[Placed], heard: Heard) -> list[Float[Tensor, "T D"]]:
    """Return the last hidden states of each sample at its real positions, in the samples' order."""
    found: dict[int, Tensor] = {}
    with inference(model):
        for done, each in enumerate(batches):
            heard(done, len(batches))
            states = states_of(model, each.batch)
            rows = zip(each.places, states.output.float(), states.real, strict=True)
            found |= {place: row[real] for place, row, real in rows}
    return [found[place] for place in range(len(found))]


def _pooled(
    model: nn.Module,
    batches: Sequence[Placed],
    heard: Heard,
    stack: Iterable[nn.Module],
    wanted: Callable[[States], Sequence[Tensor]],
) -> Tensor:
    found: dict[int, Tensor] = {}
    with inference(model):
        for done, each in enumerate(batches):
            heard(done, len(batches))
            states = states_of(model, each.batch, stack)
            means = torch.stack([_mean(layer, states.real) for layer in wanted(states)], dim=1)
            found |= dict(zip(each.places, means, strict=True))
    return torch.stack([found[place] for place in range(len(found))])


def _mean(states: Float[Tensor, "B T D"], real: Tensor) -> Float[Tensor, "B D"]:
    weights = real.double().unsqueeze(-1)
    return (states.double() * weights).sum(dim=1) / weights.sum(dim=1)


def _by_position(states: States, layer: Tensor) -> Float[Tensor, "B T D"]:
    if layer.numel() // layer.shape[-1] != states.real.numel():
        raise NotApplicableError(
            "Expected layers that give a state for each position of the output, to weigh them by; this model's give "
            f"{tuple(layer.shape[:-1])} for {tuple(states.real.shape)}. Ask for layer last."
        )
    return layer.reshape(*states.real.shape, -1)
