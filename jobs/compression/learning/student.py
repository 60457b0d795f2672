"""A student made of its teacher: the layers, heads and units that stay, with what they know.

Layers go first, then heads, then units; each cut is proven, and the maps that read what has gone are refitted on data
where there is some, so that learning starts as close to the teacher as closed forms come.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedModel

from jobs.compression.anatomy import Attention, FeedForward, Layer
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.depth import keep_layers
from jobs.compression.proof import drop_proven
from jobs.compression.reconstruct import Block
from jobs.compression.scoring import Parts, Score, heads_of, scores_of, units_of
from jobs.compression.selection import Amount, survivors
from jobs.compression.surgery import drop_heads, drop_units
from jobs.compression.technique import Context, Progress

STAGE = 100
"""Units of progress of each stage: layers, heads, units."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a student keeps of its teacher.

    Attributes:
        layers: which.
        heads: how many in each layer; None for all.
        units: how many in each feed-forward pair; None for all.
    """

    layers: Sequence[int]
    heads: int | None = None
    units: int | None = None

    @property
    def stages(self) -> int:
        """Return how many kinds of parts go."""
        return 1 + (self.heads is not None) + (self.units is not None)


def make_student(model: PreTrainedModel, shape: Shape, ctx: Context) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Cut *model* to *shape* in place; return the amounts reached, and what a reader of the report should know.

    Progress counts to ``shape.stages * STAGE``.

    Raises:
        TargetUnreachableError: fewer heads or units than one are asked for.
        VerificationError: a cut was not what masking is.
    """
    _keep_layers(model, shape.layers, ctx)
    done, total = STAGE, shape.stages * STAGE
    ctx.progress(done, total, "cutting")
    achieved: dict[str, Any] = {"layers_kept": list(shape.layers)}
    notes: tuple[str, ...] = ()
    if shape.heads is not None:
        notes += _narrow(model, "attention", shape.heads, _from(ctx, done, total))
        achieved["heads_kept"] = [layer.attention.heads for layer in ctx.anatomy.layers(model)]
        done += STAGE
    if shape.units is not None:
        notes += _narrow(model, "feed_forward", shape.units, _from(ctx, done, total))
        achieved["units_kept"] = [pair.units for layer in ctx.anatomy.layers(model) for pair in layer.feed_forwards]
    ctx.progress(total, total, "cut")
    return achieved, tuple(dict.fromkeys(notes))


def _keep_layers(model: PreTrainedModel, keep: Sequence[int], ctx: Context) -> None:
    leaving = set(range(ctx.anatomy.depth(model))) - set(keep)
    with drop_proven(model, ctx.probe, ctx.anatomy.encoder(model), leaving):
        keep_layers(model, ctx.anatomy, keep)


def _narrow(model: PreTrainedModel, block: Block, kept: int, ctx: Context) -> tuple[str, ...]:
    """Leave *kept* parts in each block of the kind, those that are missed most, and refit on what data there is."""
    score: Score = "obs" if ctx.batches else "l1"
    places = _heads(ctx.anatomy.layers(model)) if block == "attention" else _units(ctx.anatomy.layers(model))
    scores = scores_of(score, [parts for parts, _ in places], model, ctx, _scaled(ctx.progress, 0, STAGE // 2))
    chosen = survivors(scores, Amount(None, kept), "layer")
    cuts = [cut(keep) for (_, cut), keep in zip(places, chosen, strict=True)]
    refitting = replace(ctx, progress=_scaled(ctx.progress, STAGE // 2, STAGE))
    return cut_all(model, cuts, block, refitting, refit=True)


Place = tuple[Parts, Callable[[Int[Tensor, " K"]], Cut]]
"""What competes in one block, and how to leave some of it."""


def _heads(layers: Sequence[Layer]) -> list[Place]:
    return [(heads_of(layer.attention), partial(_cut_heads, layer.attention)) for layer in layers]


def _cut_heads(block: Attention, keep: Int[Tensor, " K"]) -> Cut:
    going = inputs_going(keep, block.heads, block.span(block.output))
    return Cut(block.output, going, partial(drop_heads, block, keep))


def _units(layers: Sequence[Layer]) -> list[Place]:
    return [(units_of(pair), partial(_cut_units, pair)) for layer in layers for pair in layer.feed_forwards]


def _cut_units(block: FeedForward, keep: Int[Tensor, " K"]) -> Cut:
    return Cut(block.down, inputs_going(keep, block.units), partial(drop_units, block, keep))


def _from(ctx: Context, done: int, total: int) -> Context:
    """Return *ctx* for one stage: the model is no longer what was measured, and progress goes on from *done*."""
    return replace(ctx, cache=None, progress=lambda now, _, note="": ctx.progress(done + now, total, note))


def _scaled(progress: Progress, low: int, high: int) -> Progress:
    """Return the progress of work of any length that fills *low* to *high* of a stage."""

    def report(done: int, total: int, note: str = "") -> None:
        progress(low + (high - low) * done // total, STAGE, note)

    return report
