"""Change a model's maps in turn, bottom first, each of them first refitted to what the dense model gives.

Maps that read the same input are one turn. With X what they are given in the model as it is by then, over a row of ones
for the bias, and E what they give in the dense model less what they give here,

    ``W' = W + E Xᵀ (X Xᵀ + λ I)⁻¹``

is the ridge regression of the dense outputs on the inputs that there really are. For a map that writes into the
residual stream E is what the stream lacks, so that it also makes good what came about below. Then the map is changed,
told how its inputs spread, and its bias takes up what the change does to the mean.

Source: He et al. 2017, arXiv:1707.06168, sections 3.1 and 3.3; reduced-rank regression, where a change lowers the rank.
Differs: all maps, and before the change instead of after it, so that what is changed is already what is wanted.
Cost: for each layer a pass of the dense one over the data and one of the changed one, for each turn a pass up to its
maps and a ridge regression. Of all activations those of one depth are held, of both models.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import hidden_states
from jobs.batches import inference
from jobs.compression.anatomy import Layer, Slot
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
        streams = [
            _Pair(each, each.hidden) for each in arrivals(model, ctx.anatomy, batches, part_of(progress, 0, total))
        ]
        for module, layer in zip(ctx.anatomy.encoder(model), ctx.anatomy.layers(model), strict=True):
            dense, twin = deepcopy((module, layer))  # together, so that the copied view shows the copied layer
            where = _joints_by_slot(model, module, layer, ctx)
            pairs = [pair for pair in zip(layer.groups, twin.groups, strict=True) if pair[0] in chosen]
            uncut = [_Turn(dense, group, where.get(mine[0])) for mine, group in pairs]
            for stream in streams:
                stream.watch(dense, uncut)
            for group, _ in pairs:
                turn = _Turn(module, group, where.get(group[0]))
                few += _take(turn, streams, change, part_of(progress, done, total))
                done += len(batches)
            for stream in streams:
                stream.changed.climb(module)
    return (f"The data has too few positions to refit {', '.join(few)}; send more samples.",) if few else ()


@dataclass(frozen=True, slots=True)
class _Turn:
    """Maps of a layer that read the same, and where they join the residual stream, if they do."""

    module: nn.Module
    group: Group
    joint: Joint | None

    @property
    def reads_output(self) -> bool:
        """Return whether what the layer gives is needed."""
        return self.joint is not None and self.joint.residual is None

    def scale(self) -> Float[Tensor, " _"]:
        """Return what the maps' outputs are multiplied by on their way into the stream, or a one."""
        return torch.ones(1) if self.joint is None else self.joint.scale(self.module)


class _EnoughError(Exception):
    """All that was asked for has been heard: the rest of the layer need not run."""


class _Ear:
    """Hears one turn's maps while their layer runs; unless that is to run *through*, stops it when all is heard."""

    def __init__(self, turn: _Turn, hooks: ExitStack, *, through: bool) -> None:
        self._turn, self._through = turn, through
        self._given: dict[Slot, Tensor] = {}
        self._written: dict[Slot, Tensor] = {}
        self._residual: list[Tensor] = []
        if turn.joint is not None:
            residual = turn.module.get_submodule(turn.joint.residual or "")
            hooks.enter_context(residual.register_forward_pre_hook(self._hear_residual))
        for slot in turn.group:
            hooks.enter_context(slot.linear.register_forward_hook(partial(self._hear, slot)))

    def found(self, output: Float[Tensor, "B T D"]) -> tuple[Float[Tensor, "B T I"], Float[Tensor, "B T O"]]:
        """Return what the maps were given, and what they gave or the stream then was."""
        given, joint = self._given[self._turn.group[0]], self._turn.joint
        if self._turn.reads_output:
            return given, output
        written = torch.cat([self._written[slot] for slot in self._turn.group], dim=-1)
        return given, written if joint is None else self._residual[0] + self._turn.scale().to(written) * written

    def _hear_residual(self, _: nn.Module, given: tuple[Tensor, ...]) -> None:
        self._residual.append(given[0])

    def _hear(self, slot: Slot, _: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        self._given.setdefault(slot, given[0])  # first the hidden states; some maps read embedded distances too
        self._written.setdefault(slot, output)
        if not self._through and len(self._written) == len(self._turn.group):
            raise _EnoughError


def _look(
    module: nn.Module, looking: Sequence[_Turn], hidden: Float[Tensor, "B T D"], call: Call, *, through: bool = True
) -> tuple[list[tuple[Float[Tensor, "B T I"], Float[Tensor, "B T O"]]], Float[Tensor, "B T D"]]:
    """Run the layer; return for each turn what its maps are given and what comes of it, and what the layer gives."""
    output = hidden
    with ExitStack() as hooks:
        ears = [_Ear(turn, hooks, through=through) for turn in looking]
        with suppress(_EnoughError):
            output = hidden_states(module(hidden, *call[0], **call[1]))
    return [ear.found(output) for ear in ears], output


@dataclass(slots=True)
class _Pair:
    """One batch on its way up, in the changed model and in the dense one, which is moved first.

    Attributes:
        changed: the stream of the one.
        dense: the hidden states of the other.
        wanted: what comes of each turn still to be taken in the dense layer, each time that it is used.
    """

    changed: Stream
    dense: Float[Tensor, "B T D"]
    wanted: deque[list[Float[Tensor, "N O"]]] = field(default_factory=deque)

    def watch(self, dense: nn.Module, looking: Sequence[_Turn]) -> None:
        """Move the dense side up a layer, and keep what is wanted of each turn."""
        self.wanted.extend([] for _ in looking)
        for call in self.changed.calls[0]:
            looks, self.dense = _look(dense, looking, self.dense, call)
            for kept, (_, outputs) in zip(self.wanted, looks, strict=True):
                kept.append(self.changed.rows(outputs))

    def compare(self, turn: _Turn) -> Iterator[tuple[Float[Tensor, "N I"], Float[Tensor, "N O"]]]:
        """Yield what the next turn's maps are given and what they lack, each time that the layer is used."""
        hidden, calls = self.changed.hidden, self.changed.calls[0]
        for call, wanted in zip(calls, self.wanted.popleft(), strict=True):
            through = turn.reads_output or call is not calls[-1]
            [(given, found)], hidden = _look(turn.module, (turn,), hidden, call, through=through)
            yield self.changed.rows(given), wanted - self.changed.rows(found)


def _joints_by_slot(model: PreTrainedModel, module: nn.Module, layer: Layer, ctx: Context) -> dict[Slot, Joint]:
    """Return the joint of each map that writes into the residual stream."""
    found = {module.get_submodule(each.projection): each for each in joints_of(ctx.anatomy, model, "layer")}
    return {slot: found[slot.linear] for slot in layer.slots if slot.linear in found}


def _take(turn: _Turn, streams: Sequence[_Pair], change: Change, progress: Progress) -> list[str]:
    """Refit and change the maps of one turn; return the names of those that there is too little data for."""
    group, first = turn.group, turn.group[0].linear
    outputs = sum(slot.linear.out_features for slot in group)
    has_bias = all(slot.linear.bias is not None for slot in group)
    sums = Regression(first.in_features, outputs, bias=has_bias, device=first.weight.device)
    for done, stream in enumerate(streams, start=1):
        for given, lacking in stream.compare(turn):
            sums.add(given, lacking)
        progress(done, len(streams), "fitting layer by layer")
    few = sums.rows < first.in_features
    correction = None if few else sums.solve()
    if correction is not None:
        _correct(group, correction / turn.scale().to(correction).unsqueeze(1))
    spread = sums.spread
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
