"""Remove whole attention heads; the projections get smaller.

A head is a block of rows of query, key and value and the matching columns of the output projection. Whole heads really
leave, so parameters, multiply-accumulates and time go down together. Each layer keeps at least one head.

With data, the output projections are then refitted, bottom layer first, to give what they gave before.

Source: Michel et al. 2019, arXiv:1905.10650; Lin et al. 2022, arXiv:2211.09949 (the l1 score)

Differs: one shot; a closed-form refit instead of training between the cuts.

Cost: one norm per head; with data four passes over it, a system of K·d equations a layer, K heads kept.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedModel

from jobs.compression.anatomy import Attention
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.schema import Schema
from jobs.compression.scoring import heads_l1
from jobs.compression.selection import Amount, Scope, survivors
from jobs.compression.surgery import drop_heads
from jobs.compression.technique import Context, Outcome, Params, technique


@dataclass(frozen=True, slots=True)
class HeadPruning(Params):
    """How many heads go, and which."""

    alternatives: ClassVar[tuple[str, ...]] = ("heads_removed", "heads_kept")

    heads_removed: Annotated[float | None, Schema("Share of the heads that goes.", minimum=0, below=1)] = None
    heads_kept: Annotated[
        int | None, Schema("Heads that stay: in each layer, or with scope global in all layers together.", minimum=1)
    ] = None
    score: Annotated[Literal["l1"], Schema("What makes a head unimportant: the l1 norm of its weights.")] = "l1"
    scope: Annotated[
        Scope, Schema("Where heads compete: within their layer (the same number everywhere) or across the model.")
    ] = "layer"
    reconstruct: Annotated[
        bool,
        Schema(
            "Refit the next projection by least squares on the request's data. Without data it is left out, and the "
            "report says so."
        ),
    ] = True

    def asks(self) -> bool:
        """Return whether any head is to go."""
        return self.heads_removed != 0


@technique(HeadPruning)
def compress(model: PreTrainedModel, params: HeadPruning, ctx: Context) -> Outcome:
    """Return *model* without its least important heads."""
    attentions = [layer.attention for layer in ctx.anatomy.layers(model)]
    present = sum(attention.heads for attention in attentions)
    scores = [heads_l1(attention) for attention in attentions]
    kept = survivors(scores, Amount(params.heads_removed, params.heads_kept), params.scope)
    cuts = [_cut(attention, keep) for attention, keep in zip(attentions, kept, strict=True)]
    notes = cut_all(model, cuts, "attention", ctx, refit=params.reconstruct)
    by_layer = [attention.heads for attention in attentions]
    achieved = {
        "heads_removed": 1 - sum(by_layer) / present,
        "heads_kept": sum(by_layer),
        "heads_by_layer": by_layer,
        "kept_by_layer": [keep.tolist() for keep in kept],
    }
    return Outcome(model, achieved, notes)


def _cut(attention: Attention, keep: Int[Tensor, " K"]) -> Cut:
    going = inputs_going(keep, attention.heads, attention.span(attention.output))
    return Cut(attention.output, going, partial(drop_heads, attention, keep))
