"""The proof of a cut: what is left gives what the whole model gives when the parts that go are silenced.

Before a cut, the inputs that will go are set to zero in the map that reads them (the masked model), and a short probe
runs; after it, the probe runs again. The outputs of each such map and of the model must be the same but for rounding.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import cast

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, device_of, inference, to_device
from jobs.compression.anatomy import Slot
from jobs.compression.surgery import mask
from jobs.contract.errors import VerificationError

TOLERANCE = 1e-4
"""Largest difference, in the Euclidean norm, relative to the masked model's output."""


@contextmanager
def proven(model: PreTrainedModel, probe: Batch, going: Mapping[Slot, Bool[Tensor, " _"]]) -> Iterator[None]:
    """Run the block, which cuts *model*, and prove that it takes away what it should and nothing else.

    Args:
        model: masked first, then cut by the block; of the mask nothing is left, since what it silences goes.
        probe: a short batch.
        going: bottom first, each map that reads parts which go, and which of its inputs those are.

    Raises:
        VerificationError: the cut model differs from the masked one; the message names the lowest map that does.
    """
    for slot, inputs in going.items():
        mask(cast("nn.Parameter", slot.linear.weight), inputs[None, :])
    masked = _outputs(model, tuple(going), probe)
    yield
    cut = _outputs(model, tuple(going), probe)
    names = [*(slot.name for slot in going), "the model"]
    for name, wanted, found in zip(names, masked, cut, strict=True):
        _compare(name, wanted, found)


def _outputs(model: PreTrainedModel, slots: Sequence[Slot], probe: Batch) -> list[Tensor]:
    """Return what each map gives, and last the model's output."""
    heard: list[Tensor] = []

    def hear(_: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        heard.append(output)

    with inference(model), ExitStack() as hooks:
        for slot in slots:
            hooks.enter_context(slot.linear.register_forward_hook(hear))
        output: Tensor = model.base_model(**to_device(probe, device_of(model))).last_hidden_state
    return [*heard, output]


def _compare(name: str, wanted: Float[Tensor, "B T D"], found: Float[Tensor, "B T D"]) -> None:
    apart, size = float((found - wanted).norm()), float(wanted.norm())
    if not apart <= TOLERANCE * size:  # so that a NaN does not pass
        raise VerificationError(
            f"Expected the cut model to give what the masked one gives; the output of {name} is off by {apart:.2g}, "
            f"its size being {size:.2g}. The cut is wrong, and nothing of it is published."
        )
