"""What flows into maps and what becomes of what flows out: the two sides of what an error in a map costs.

An error δ in what a map gives moves the model's output f(x) by ``J δ``. With random probes r of the output, the slopes
``g = ∂⟨r, f(x)⟩ / ∂(what the map gives)`` have ``E[g gᵀ] = Jᵀ J`` on average, the Gauss-Newton matrix: so
``tr(E[g gᵀ] E[δ δᵀ])`` is how far f moves, in squares, if errors at different positions have nothing to do with each
other. What the output does not see costs nothing.

Source: the label-free probes of ``sensitivity``; both sides of the Kronecker factors of K-FAC, arXiv:1503.05671.
Cost: a forward and a backward pass over the data, a product of the outputs of each map, and one of the inputs of those
that read the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import real_rows
from jobs.batches import Batch, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Anatomy, Slot
from jobs.compression.spread import Spread
from jobs.compression.technique import Context, Progress
from jobs.contract.errors import CorruptCheckpointError


@dataclass(frozen=True, slots=True)
class Flow:
    """Of one map, over real positions.

    Attributes:
        given: covariance of the inputs; their second moment where the map has no bias to make up for the mean.
        mean: of the inputs.
        slopes: mean of ``g gᵀ``.
        fisher: mean of ``|g|² x²`` for each input x: what errors in a column of the map's weights cost.
    """

    given: Float[Tensor, "I I"]
    mean: Float[Tensor, " I"]
    slopes: Float[Tensor, "O O"]
    fisher: Float[Tensor, " I"]


def flows(model: PreTrainedModel, slots: Sequence[Slot], ctx: Context, progress: Progress) -> dict[Slot, Flow]:
    """Return what flows through each of *slots*.

    Args:
        model: left as it is.
        slots: maps.
        ctx: has the data, and makes the probes.
        progress: called after each batch.

    Raises:
        DataRequiredError: there is no data.
        CorruptCheckpointError: what flows is not finite.
    """
    tallies = _tallies(model, slots, ctx.anatomy)
    batches = ctx.data()
    with inference(model), _frozen(model):
        for done, batch in enumerate(batches, start=1):
            _count(model, tallies, to_device(batch, device_of(model)), ctx)
            progress(done, len(batches), "calibration")
    return {slot: tally.flow() for slot, tally in tallies.items()}


class _Tally:
    """Sums over the positions seen so far; a batch is first heard, then counted.

    Args:
        slot: the map.
        spread: of what it is given.
        first: whether it is the one that counts into *spread*, of all maps that are given the same.
    """

    def __init__(self, slot: Slot, spread: Spread, *, first: bool) -> None:
        weight, inputs, outputs = slot.linear.weight, slot.linear.in_features, slot.linear.out_features
        self._slot, self._spread, self._first, self._rows = slot, spread, first, 0
        self._slopes, self._fisher = weight.new_zeros(outputs, outputs), weight.new_zeros(inputs)
        self.given: list[Tensor] = []
        self.outputs: list[Tensor] = []

    def hear(self, _: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        self.given.append(given[0].detach())
        self.outputs.append(output if output.requires_grad else output.requires_grad_())

    def count(self, given: Sequence[Float[Tensor, "N I"]], slopes: Sequence[Float[Tensor, "N O"]]) -> None:
        for inputs, back in zip(given, slopes, strict=True):
            if self._first:
                self._spread.add(inputs)
            self._slopes.addmm_(back.T, back)
            self._fisher += back.square().sum(dim=1) @ inputs.square()
            self._rows += len(inputs)
        self.given, self.outputs = [], []

    def flow(self) -> Flow:
        given = self._spread.second if self._slot.linear.bias is None else self._spread.covariance
        slopes, fisher = (each.detach() / max(self._rows, 1) for each in (self._slopes, self._fisher))
        if not (given.isfinite().all() and slopes.isfinite().all()):
            raise CorruptCheckpointError(
                f"Expected finite numbers inside the model; what flows through {self._slot.name} holds NaN or "
                "infinity. Check the model's weights and the data."
            )
        return Flow(given.float(), self._spread.mean, slopes, fisher)


def _tallies(model: PreTrainedModel, slots: Sequence[Slot], anatomy: Anatomy) -> dict[Slot, _Tally]:
    """Return a tally for each of *slots*; those that are given the same share what is counted of that."""
    groups = {slot: group for layer in anatomy.layers(model) for group in layer.groups for slot in group}
    spreads: dict[tuple[Slot, ...], Spread] = {}
    found = {}
    for slot in slots:
        first = groups[slot] not in spreads
        spread = spreads.setdefault(groups[slot], Spread(slot.linear.in_features, slot.linear.weight.device))
        found[slot] = _Tally(slot, spread, first=first)
    return found


def _count(model: PreTrainedModel, tallies: dict[Slot, _Tally], batch: Batch, ctx: Context) -> None:
    with torch.enable_grad(), ExitStack() as hooks:
        for slot, tally in tallies.items():
            hooks.enter_context(slot.linear.register_forward_hook(tally.hear))
        output: Tensor = trunk_of(model)(**batch).last_hidden_state
    real = ctx.anatomy.real_positions(model, batch, output.shape[1])
    probe = torch.randn(output.shape, generator=ctx.rng).to(output)
    if real is not None:
        probe *= real[..., None]
    heard = [each for tally in tallies.values() for each in tally.outputs]
    slopes = iter(torch.autograd.grad(output, heard, grad_outputs=probe))
    rows = partial(real_rows, real=real)
    for tally in tallies.values():
        tally.count([rows(each) for each in tally.given], [rows(next(slopes)) for _ in tally.outputs])


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Run the block without gradients of the weights, so that nothing below the first map is kept for them."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
