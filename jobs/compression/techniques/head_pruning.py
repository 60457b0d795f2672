"""Remove whole attention heads; the projections get smaller.

A head is a block of rows of query, key and value and the matching columns of the output projection. Whole heads really
leave, so parameters, multiply-accumulates and time go down together. Each layer keeps at least one head.

Source: Michel et al. 2019, arXiv:1905.10650; Lin et al. 2022, arXiv:2211.09949 (the l1 score)

Differs: one shot; no training between the cuts.

Cost: one norm per head; no data.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from transformers import PreTrainedModel

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
    for index, (attention, keep) in enumerate(zip(attentions, kept, strict=True), start=1):
        drop_heads(attention, keep)
        ctx.progress(index, len(attentions))
    by_layer = [attention.heads for attention in attentions]
    return Outcome(
        model, {"heads_removed": 1 - sum(by_layer) / present, "heads_kept": sum(by_layer), "heads_by_layer": by_layer}
    )
