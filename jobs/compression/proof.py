"""The proof of a structural change: what is left gives what the whole model gives with the change only feigned.

Inputs that will go are first set to zero in the map that reads them (the masked model), layers that will go pass on
what they are given, and matrices that will be stored as two factors are replaced by their product. A short probe runs,
the change is made, and the probe runs again: the outputs must be the same but for rounding.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Slot
from jobs.compression.surgery import mask
from jobs.contract.errors import VerificationError

TOLERANCE = 1e-4
"""Largest difference, in the Euclidean norm, relative to the output's size."""

ROWS = 16
"""Random inputs that a single map is tried on."""


@contextmanager
def unchanged(model: PreTrainedModel, probe: Batch, slots: Sequence[Slot] = ()) -> Iterator[None]:
    """Run the block and prove that *model* gives what it gave before it.

    Args:
        model: changed by the block.
        probe: a short batch.
        slots: places whose outputs are compared as well, bottom first.

    Raises:
        VerificationError: it gives something else; the message names the first place where it does.
    """
    before = _outputs(model, slots, probe)
    yield
    for (name, wanted), (_, found) in zip(before, _outputs(model, slots, probe), strict=True):
        _compare(name, wanted, found)


@contextmanager
def map_unchanged(slot: Slot) -> Iterator[None]:
    """Run the block, which puts another map in a *slot*, and prove on random inputs that it gives what the old gave.

    Raises:
        VerificationError: it gives something else.
    """
    weight = slot.linear.weight
    given = torch.randn(1, ROWS, slot.linear.in_features, generator=torch.Generator().manual_seed(0)).to(weight)
    with torch.no_grad():
        wanted = slot.linear(given)
        yield
        _compare(slot.name, wanted, slot.linear(given))


@contextmanager
def cut_proven(model: PreTrainedModel, probe: Batch, going: Mapping[Slot, Bool[Tensor, " _"]]) -> Iterator[None]:
    """Run the block, which cuts *model*, and prove that it takes away what it should and nothing else.

    Args:
        model: masked first, then cut by the block; of the mask nothing is left, since what it silences goes.
        probe: a short batch.
        going: bottom first, each map that reads parts which go, and which of its inputs those are.

    Raises:
        VerificationError: the cut model gives something else than the masked one.
    """
    for slot, inputs in going.items():
        mask(cast("nn.Parameter", slot.linear.weight), inputs[None, :])
    with unchanged(model, probe, tuple(going)):
        yield


@contextmanager
def drop_proven(
    model: PreTrainedModel, probe: Batch, stack: Iterable[nn.Module], leaving: Collection[int]
) -> Iterator[None]:
    """Run the block, which drops the layers *leaving*, and prove that the rest works as if they passed on their input.

    Args:
        model: changed by the block.
        probe: a short batch.
        stack: all layers.
        leaving: which of the places that a forward pass comes to go; a layer may be used at several of them.

    Raises:
        VerificationError: the model without them gives something else.
    """
    places = count()

    def bypass(_: nn.Module, given: tuple[Any, ...], output: Any) -> Any:
        return _passed_on(given, output) if next(places) in leaving else output

    with ExitStack() as bypasses:
        for layer in stack:
            bypasses.enter_context(layer.register_forward_hook(bypass))
        with unchanged(model, probe):
            bypasses.close()
            yield


def _passed_on(given: tuple[Any, ...], output: Any) -> Any:
    """Return the hidden states that came in; whatever a layer gives beside them, as biases for the next, stays."""
    return (given[0], *output[1:]) if isinstance(output, tuple) else given[0]


def _outputs(model: PreTrainedModel, slots: Sequence[Slot], probe: Batch) -> list[tuple[str, Tensor]]:
    """Return what each map gives, by its name and each time that it is used, and last the model's output."""
    heard: list[tuple[str, Tensor]] = []

    def hear(name: str, _: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        heard.append((name, output))

    with inference(model), ExitStack() as hooks:
        for slot in slots:
            hooks.enter_context(slot.linear.register_forward_hook(partial(hear, slot.name)))
        output: Tensor = trunk_of(model)(**to_device(probe, device_of(model))).last_hidden_state
    return [*heard, ("the model", output)]


def _compare(name: str, wanted: Float[Tensor, "B T D"], found: Float[Tensor, "B T D"]) -> None:
    apart, size = float((found - wanted).norm()), float(wanted.norm())
    if not apart <= TOLERANCE * size:  # so that a NaN does not pass
        raise VerificationError(
            f"Expected {name} to give what it gives in the masked model; it is off by {apart:.2g}, the output's size "
            f"being {size:.2g}. The change is wrong, and nothing of it is published."
        )
