"""Change a model's maps in turn, bottom first, each of them first refitted to what the dense model gives.

Maps that read the same input are one turn. With X what they are given in the model as it is by then, over a row of ones
for the bias, and E what they give in the dense model less what they give here,

    ``W' = W + E Xᵀ (X Xᵀ + λ I)⁻¹``

is the ridge regression of the dense outputs on the inputs that there really are. For a map that writes into the
residual stream E is what the stream lacks, so that it also makes good what came about below. Then the map is changed,
told how its inputs spread, and its bias takes up what the change does to the mean.

Source: He et al. 2017, arXiv:1707.06168, sections 3.1 and 3.3; reduced-rank regression, where a change lowers the rank.
Differs: all maps, and before the change instead of after it, so that what is changed is already what is wanted.
Cost: for each turn two passes of its layer over the data and a ridge regression. Of all activations only the hidden
states at one depth are held, of both models.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import inference
from jobs.compression.anatomy import Layer, Slot, hidden_states
from jobs.compression.reconstruct import Joint, joints_of
from jobs.compression.regression import Regression
from jobs.compression.spread import Spread
from jobs.compression.streams import Call, Stream, arrivals
from jobs.compression.technique import Context, Progress, part_of

Group: TypeAlias = tuple[Slot, ...]
"""Maps that read the same input."""
Change: TypeAlias = Callable[[Slot, Float[Tensor, "I I"]], None]
"""Changes a map in place, told the spread of its inputs: their covariance, or without a bias their second moment."""


def turns(groups: Sequence[Group], batches: int) -> int:
    """Return how many units of progress ``change_in_turn`` reports."""
    return batches * (1 + len(groups))


def change_in_turn(
    model: PreTrainedModel, groups: Sequence[Group], change: Change, ctx: Context, progress: Progress
) -> tuple[str, ...]:
    """Refit and change the maps in *groups* in place; return notes.

    A map that is stored as two factors is changed as it is. With fewer positions than inputs, or where a refit does no
    better on positions held out, so is any other.

    Args:
        model: the dense one.
        groups: which maps, as ``Layer.groups`` has them.
        change: what to do with each.
        ctx: has the data and the anatomy.
        progress: called after each batch, first for all layers together and then for each turn.
    """
    chosen, batches = set(groups), ctx.data()
    total, done, few = turns(groups, len(batches)), len(batches), []
    with inference(model):
        streams = [_Pair.of(each) for each in arrivals(model, ctx.anatomy, batches, part_of(progress, 0, total))]
        for module, layer in zip(ctx.anatomy.encoder(model), ctx.anatomy.layers(model), strict=True):
            dense, twin = deepcopy((module, layer))  # together, so that the copied view shows the copied layer
            where = _joints_by_slot(model, module, layer, ctx)
            for group, uncut in zip(layer.groups, twin.groups, strict=True):
                if group in chosen:
                    sides = _Side(dense, uncut, where.get(group[0])), _Side(module, group, where.get(group[0]))
                    few += _turn(sides, streams, change, part_of(progress, done, total))
                    done += len(batches)
            for stream in streams:
                stream.climb(dense, module)
    return (f"The data has too few positions to refit {', '.join(few)}; send more samples.",) if few else ()


@dataclass(frozen=True, slots=True)
class _Side:
    """A turn's maps in one of the two models, and where they join the residual stream, if they do."""

    module: nn.Module
    group: Group
    joint: Joint | None

    def look(
        self, hidden: Float[Tensor, "B T D"], call: Call
    ) -> tuple[Float[Tensor, "B T I"], Float[Tensor, "B T O"], Float[Tensor, "B T D"]]:
        """Run the layer; return what the maps are given, what they give or the stream then is, and its output."""
        heard: dict[str, Tensor] = {}
        with ExitStack() as hooks:
            for slot in self.group:
                hooks.enter_context(slot.linear.register_forward_hook(_hearing(heard, slot.name)))
            if self.joint is not None:
                residual = self.module.get_submodule(self.joint.residual or "")
                hooks.enter_context(residual.register_forward_pre_hook(_hearing(heard, "residual")))
            output = hidden_states(self.module(hidden, *call[0], **call[1]))
        given = heard[f"{self.group[0].name} given"]
        outputs = torch.cat([heard[slot.name] for slot in self.group], dim=-1)
        if self.joint is None:
            return given, outputs, output
        if self.joint.residual is None:
            return given, output, output
        return given, heard["residual given"] + self.joint.scale(self.module).to(hidden) * outputs, output

    def scale(self) -> Float[Tensor, " _"]:
        """Return what the maps' outputs are multiplied by on their way into the stream, or a one."""
        return torch.ones(1) if self.joint is None else self.joint.scale(self.module)


def _hearing(heard: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hear(_: nn.Module, given: tuple[Tensor, ...], output: Tensor | None = None) -> None:
        heard.setdefault(f"{name} given", given[0])  # first the hidden states; some maps read embedded distances too
        if output is not None:
            heard.setdefault(name, output)

    return hear


@dataclass(frozen=True, slots=True)
class _Pair:
    """One batch on its way up, in the dense model and in the changed one."""

    dense: Stream
    changed: Stream

    @classmethod
    def of(cls, arrived: Stream) -> "_Pair":
        return cls(Stream(arrived.hidden, deque(arrived.calls), arrived.real), arrived)

    def compare(self, dense: _Side, changed: _Side) -> Iterator[tuple[Float[Tensor, "N I"], Float[Tensor, "N O"]]]:
        """Yield what the changed side's maps are given and what they lack, each time that the layer is used."""
        above, below = self.dense.hidden, self.changed.hidden
        for call in self.dense.calls[0]:
            _, wanted, above = dense.look(above, call)
            given, found, below = changed.look(below, call)
            yield self.changed.rows(given), self.changed.rows(wanted - found)

    def climb(self, dense: nn.Module, changed: nn.Module) -> None:
        self.dense.climb(dense)
        self.changed.climb(changed)


def _joints_by_slot(model: PreTrainedModel, module: nn.Module, layer: Layer, ctx: Context) -> dict[Slot, Joint]:
    """Return the joint of each map that writes into the residual stream."""
    found = {module.get_submodule(each.projection): each for each in joints_of(ctx.anatomy, model, "layer")}
    return {slot: found[slot.linear] for slot in layer.slots if slot.linear in found}


def _turn(sides: tuple[_Side, _Side], streams: Sequence[_Pair], change: Change, progress: Progress) -> list[str]:
    """Refit and change the maps of one turn; return the names of those that there is too little data for."""
    group = sides[1].group
    first, outputs = group[0].linear, sum(slot.linear.out_features for slot in group)
    inputs, device = first.in_features, first.weight.device
    has_bias = all(slot.linear.bias is not None for slot in group)
    sums, spread = Regression(inputs, outputs, bias=has_bias, device=device), Spread(inputs, device)
    for done, stream in enumerate(streams, start=1):
        for given, lacking in stream.compare(*sides):
            sums.add(given, lacking)
            spread.add(given)
        progress(done, len(streams), "fitting layer by layer")
    few = sums.rows < inputs
    correction = None if few else sums.solve()
    if correction is not None:
        _correct(group, correction / sides[1].scale().to(correction).unsqueeze(1))
    for slot in group:
        _change(slot, change, spread)
    return [slot.name for slot in group] if few else []


def _correct(group: Group, correction: Float[Tensor, "O _"]) -> None:
    correction.masked_fill_(~correction.isfinite(), 0)  # a scale of zero: what is written there does not matter
    parts = torch.split(correction, [slot.linear.out_features for slot in group])
    for linear, part in ((slot.linear, part) for slot, part in zip(group, parts, strict=True)):
        if isinstance(linear, nn.Linear):
            linear.weight.add_(part[:, : linear.in_features])
            if part.shape[1] > linear.in_features:
                linear.bias.add_(part[:, -1])


def _change(slot: Slot, change: Change, spread: Spread) -> None:
    bias = slot.linear.bias
    before = slot.weight().double()
    change(slot, spread.second if bias is None else spread.covariance)
    if bias is not None:
        bias.add_((before - slot.weight().double()) @ spread.mean)
