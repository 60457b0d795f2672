"""Closed-form reconstruction: after a cut, the map that read what has gone is refitted to make up for it.

A block writes into its layer's residual stream: ``stream = residual + scale * (W x + b)``. With X the inputs that are
left, as columns over a row of ones for the bias, and E the stream of the uncut model less that of the cut one,

    ``W' = W + E Xᵀ (X Xᵀ + λ I)⁻¹ / scale``

is the ridge regression of the uncut stream: what the residual has lost further down is made good too, as far as this
map can. Layers are fitted bottom first, on inputs that come through the layers fitted before. Written as a correction,
it leaves a cut that loses nothing as it is, to the bit. With little data any fit is worse than none: λ is chosen on
positions held out, and a map with more inputs than there are positions stays as it is.

Source: He et al. 2017, arXiv:1707.06168, sections 3.1 and 3.3 (the residual's error is part of the target).
Differs: a bias, and a ridge, chosen for each map.
Cost: a pass of the uncut layers over the data, one of the cut layers for each block and one more, and a ridge
regression for each map. Of all activations only the hidden states at one depth are held, of both models.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import hidden_states
from jobs.batches import Batches, inference
from jobs.compression.anatomy import Anatomy, Linear
from jobs.compression.regression import Regression
from jobs.compression.streams import Call, Stream, arrivals
from jobs.compression.technique import Progress, part_of

Block: TypeAlias = Literal["attention", "feed_forward"]
Refitted: TypeAlias = Literal["attention", "feed_forward", "layer"]
"""Blocks of one kind, or all blocks of a layer."""


def passes(batches: int, layers: int) -> int:
    """Return how many units of progress ``reconstruct`` reports."""
    return batches * (1 + layers)


def reconstruct(
    model: PreTrainedModel,
    reference: nn.ModuleList,
    block: Refitted,
    anatomy: Anatomy,
    *,
    batches: Batches,
    progress: Progress,
) -> tuple[str, ...]:
    """Refit in place, in every layer, the map with which *block* writes into the stream; return notes.

    A map that stays as it is, such as one stored as two factors, is named in a note, with the reason.

    Args:
        model: already cut.
        reference: its layers as they were before.
        block: what was cut; with ``layer`` every block.
        anatomy: of *model*.
        batches: what to fit on; the same ones give the same weights.
        progress: called after each batch, first for all layers together and then for each.
    """
    layers = anatomy.encoder(model)
    joints = joints_of(anatomy, model, block)
    refits = [(dense, cut, joint) for dense, cut in zip(reference, layers, strict=True) for joint in joints]
    total = passes(len(batches), len(refits))
    unchanged: dict[tuple[str, str], list[int]] = {}
    with inference(model, reference):
        arrived = arrivals(model, anatomy, batches, part_of(progress, 0, total))
        streams = [_Pair(each, each.hidden) for each in arrived]
        for index, (dense, cut, joint) in enumerate(refits):
            if joint is joints[0]:
                for stream in streams:
                    stream.watch(dense, joints)
            within = part_of(progress, passes(len(batches), index), total)
            reason = _refit(cut, joint, streams, within)
            if reason is not None:
                unchanged.setdefault((joint.projection, reason), []).append(index // len(joints))
            if joint is joints[-1]:
                for stream in streams:
                    stream.cut.climb(cut)
    return tuple(
        f"{projection} of layers {indices} was not refitted: {reason}."
        for (projection, reason), indices in unchanged.items()
    )


@dataclass(frozen=True, slots=True)
class Joint:
    """Where a block joins the residual stream; all are paths from a layer.

    Attributes:
        projection: the map that writes.
        residual: the module that reads what the map's output is added to, "" being the layer itself; None says that
            the stream is what the layer gives.
        factor: what the map's output is multiplied by; "" where nothing is.
        share: a constant that it is multiplied by as well.
    """

    projection: str
    residual: str | None
    factor: str = ""
    share: float = 1.0

    def scale(self, layer: nn.Module) -> Float[Tensor, " _"]:
        """Return the factor, (D,), or a one: by their configs, models of a family have a factor or none."""
        factor = dict(layer.named_parameters()).get(self.factor)
        return self.share * (torch.ones(1) if factor is None else factor.detach())


def joints_of(anatomy: Anatomy, model: PreTrainedModel, block: Refitted) -> tuple[Joint, ...]:
    """Return where the blocks of one kind in a layer, or all of them, join the stream, bottom first."""
    family = anatomy.family
    attention = Joint(family.output, family.attention_reads, family.attention_scale)
    if block == "attention":
        return (attention,)
    if block == "layer":
        *first, last = joints_of(anatomy, model, "feed_forward")
        return (*first, attention, last)
    residual = family.feed_forward_reads or (None if anatomy.norm_first(model) else family.up)
    pair = Joint(family.down, residual, family.feed_forward_scale, family.feed_forward_share)
    return (Joint(family.first_down, "", share=family.feed_forward_share), pair) if family.first_down else (pair,)


@dataclass(slots=True)
class _Pair:
    """One batch on its way up, through the cut layers and, ahead of them, through the uncut ones.

    Attributes:
        cut: the stream of the former.
        dense: the hidden states of the latter.
        inner: what the uncut layer gave, each time that it was used.
        wanted: the uncut stream where each block joins it, each time.
    """

    cut: Stream
    dense: Float[Tensor, "B T D"]
    inner: list[Float[Tensor, "B T D"]] = field(init=False)
    wanted: dict[Joint, list[Float[Tensor, "N D"]]] = field(init=False)

    def watch(self, dense: nn.Module, joints: Sequence[Joint]) -> None:
        """Move the uncut side up a layer, and keep what its stream is at each of *joints*, each time it is used."""
        self.inner, self.wanted = [], {joint: [] for joint in joints}
        for call in self.cut.calls[0]:
            looks, self.dense = _look(dense, joints, self.dense, call)
            self.inner.append(self.dense)
            for joint, (_, stream) in zip(joints, looks, strict=True):
                self.wanted[joint].append(self.cut.rows(stream))

    def compare(self, cut: nn.Module, joint: Joint) -> Iterator[tuple[Float[Tensor, "N I"], Float[Tensor, "N D"]]]:
        """Yield what the cut layer's map is given and what its stream lacks, each time that the layer is used.

        It is not refitted yet, so that when it is used again it is given what the uncut one then is.
        """
        below = [self.cut.hidden, *self.inner]
        for hidden, call, wanted in zip(below, self.cut.calls[0], self.wanted[joint], strict=False):
            [(inputs, found)], _ = _look(cut, (joint,), hidden, call)
            yield self.cut.rows(inputs), wanted - self.cut.rows(found)


def _refit(cut: nn.Module, joint: Joint, streams: Sequence[_Pair], progress: Progress) -> str | None:
    """Refit one map; return why it stays as it is, if it does."""
    linear = cast("Linear", cut.get_submodule(joint.projection))
    has_bias, device = linear.bias is not None, linear.weight.device
    sums = Regression(linear.in_features, linear.out_features, bias=has_bias, device=device)
    for done, stream in enumerate(streams, start=1):
        for inputs, lacking in stream.compare(cut, joint):
            sums.add(inputs, lacking)
        progress(done, len(streams), "reconstruction")
    return _correct(linear, sums, joint.scale(cut))


def _correct(linear: Linear, sums: Regression, scale: Float[Tensor, " _"]) -> str | None:
    if not isinstance(linear, nn.Linear):
        return "it is factorised"
    if sums.rows < linear.in_features:
        return "the data has fewer positions than it has inputs, so send more samples"
    correction = sums.solve()
    if correction is None:
        return "no refit did better on positions that were held out"
    change = correction / scale.to(correction).unsqueeze(1)
    change.masked_fill_(~change.isfinite(), 0)  # a scale of zero: what is written there does not matter
    linear.weight.add_(change[:, : linear.in_features])
    if linear.bias is not None:
        linear.bias.add_(change[:, -1])
    return None


def _look(
    layer: nn.Module, joints: Sequence[Joint], hidden: Float[Tensor, "B T D"], call: Call
) -> tuple[list[tuple[Float[Tensor, "B T I"], Float[Tensor, "B T D"]]], Float[Tensor, "B T D"]]:
    """Run *layer*; return for each of *joints* what its map is given and the stream it has written into; the output."""
    arguments, named = call
    with ExitStack() as hooks:
        heard = [_listen(layer, joint, hooks) for joint in joints]
        output = hidden_states(layer(hidden, *arguments, **named))
    return [
        (each["inputs"], _stream(layer, joint, each, output)) for joint, each in zip(joints, heard, strict=True)
    ], output


def _listen(layer: nn.Module, joint: Joint, hooks: ExitStack) -> dict[str, Tensor]:
    heard: dict[str, Tensor] = {}

    def hear_map(_: nn.Module, given: tuple[Tensor, ...], written: Tensor) -> None:
        heard["inputs"], heard["written"] = given[0], written

    def hear_residual(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        heard["residual"] = given[0]

    hooks.enter_context(layer.get_submodule(joint.projection).register_forward_hook(hear_map))
    hooks.enter_context(layer.get_submodule(joint.residual or "").register_forward_pre_hook(hear_residual))
    return heard


def _stream(
    layer: nn.Module, joint: Joint, heard: dict[str, Tensor], output: Float[Tensor, "B T D"]
) -> Float[Tensor, "B T D"]:
    return output if joint.residual is None else heard["residual"] + joint.scale(layer).to(output) * heard["written"]
