"""Batches on their way up through the layers: one layer at a time, so that activations of one depth are held at most.

A forward pass tells what the first layer is given, and what each layer is given beside its hidden states; from there
the layers can be run one by one, in any model of that depth. A layer that a forward pass goes through several times is
run as often.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import hidden_states, real_rows
from jobs.batches import Batch, Batches, device_of, to_device, trunk_of
from jobs.compression.anatomy import Anatomy, Slot
from jobs.compression.technique import Progress

Call: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
"""What a layer is called with beside its hidden states."""


def passes(batches: int, layers: int) -> int:
    """Return how many units of progress a way through all layers has: a forward pass, and each layer by itself."""
    return batches * (1 + layers)


@dataclass(slots=True)
class Stream:
    """One batch on its way up.

    Attributes:
        hidden: the hidden states that the next layer is given.
        calls: what the layers from there on are given beside them, each time that they are used.
        real: which positions are not padding; None when all are.
    """

    hidden: Float[Tensor, "B T D"]
    calls: deque[list[Call]]
    real: Bool[Tensor, "B T"] | None

    def climb(self, layer: nn.Module) -> None:
        """Move up through *layer*."""
        for arguments, named in self.calls.popleft():
            self.hidden = hidden_states(layer(self.hidden, *arguments, **named))

    def rows(self, states: Float[Tensor, "*_ W"]) -> Float[Tensor, "N W"]:
        """Return the real positions of *states*, one a row."""
        return real_rows(states, self.real)


def arrivals(model: PreTrainedModel, anatomy: Anatomy, batches: Batches, progress: Progress) -> list[Stream]:
    """Return every batch as it arrives at the first layer."""
    found, device = [], device_of(model)
    for done, batch in enumerate(batches, start=1):
        here = to_device(batch, device)
        hidden, calls = _arrival(model, anatomy.encoder(model), here)
        found.append(Stream(hidden, calls, anatomy.real_positions(model, here, hidden.shape[1])))
        progress(done, len(batches), "calibration")
    return found


@contextmanager
def listening(slots: Sequence[Slot], hear: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Run the block and tell *hear* what each slot's map is given, with the slot's place in *slots*."""
    with ExitStack() as hooks:
        for index, slot in enumerate(slots):
            hooks.enter_context(slot.linear.register_forward_pre_hook(partial(_tell, hear, index)))
        yield


def _tell(hear: Callable[[int, Tensor], None], index: int, _: nn.Module, given: tuple[Tensor, ...]) -> None:
    hear(index, given[0])


def _arrival(
    model: PreTrainedModel, layers: nn.ModuleList, batch: Batch
) -> tuple[Float[Tensor, "B T D"], deque[list[Call]]]:
    """Return the hidden states that the first layer is given, and what each one is given beside them, by its uses."""
    arrived: list[Tensor] = []
    calls: dict[nn.Module, list[Call]] = {layer: [] for layer in layers}

    def hear(layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        arrived.extend(arguments[:1] if not arrived else ())
        calls[layer].append((arguments[1:], named))

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_pre_hook(hear, with_kwargs=True))
        trunk_of(model)(**batch)
    return arrived[0], deque(calls.values())
