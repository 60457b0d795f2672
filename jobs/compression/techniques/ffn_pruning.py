"""Remove feed-forward units; both maps of the pair get smaller.

A unit is a row of the first map, its bias, and a column of the second. With scope layer every layer gets the same
width, which the architecture's own config can say, so the result loads in plain transformers. With data, the second
maps are then refitted, bottom layer first, to give what they gave before.

Source: Lin et al. 2022, arXiv:2211.09949 (there called low-rank approximation, and row pruning in its code)

Differs: one shot; a closed-form refit instead of training between the cuts.

Cost: one norm per unit; with data four passes over it, and a system of K equations a layer, K units kept.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedModel

from jobs.compression.anatomy import FeedForward
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.schema import Schema
from jobs.compression.scoring import units_l1
from jobs.compression.selection import Amount, Scope, survivors
from jobs.compression.surgery import drop_units
from jobs.compression.technique import Context, Outcome, Params, technique


@dataclass(frozen=True, slots=True)
class FfnPruning(Params):
    """How many units go, and which."""

    alternatives: ClassVar[tuple[str, ...]] = ("units_removed", "units_kept")

    units_removed: Annotated[float | None, Schema("Share of the hidden units that goes.", minimum=0, below=1)] = None
    units_kept: Annotated[
        int | None, Schema("Units that stay: in each layer, or with scope global in all layers together.", minimum=1)
    ] = None
    score: Annotated[Literal["l1"], Schema("What makes a unit unimportant: the l1 norm of its weights.")] = "l1"
    scope: Annotated[
        Scope, Schema("Where units compete: within their layer (the same width everywhere) or across the model.")
    ] = "layer"
    reconstruct: Annotated[
        bool,
        Schema(
            "Refit the next projection by least squares on the request's data. Without data it is left out, and the "
            "report says so."
        ),
    ] = True

    def asks(self) -> bool:
        """Return whether any unit is to go."""
        return self.units_removed != 0


@technique(FfnPruning)
def compress(model: PreTrainedModel, params: FfnPruning, ctx: Context) -> Outcome:
    """Return *model* without its least important feed-forward units."""
    blocks = [block for layer in ctx.anatomy.layers(model) for block in layer.feed_forwards]
    present = sum(block.units for block in blocks)
    scores = [units_l1(block) for block in blocks]
    kept = survivors(scores, Amount(params.units_removed, params.units_kept), params.scope)
    cuts = [_cut(block, keep) for block, keep in zip(blocks, kept, strict=True)]
    notes = cut_all(model, cuts, "feed_forward", ctx, refit=params.reconstruct)
    by_layer = [block.units for block in blocks]
    achieved = {"units_removed": 1 - sum(by_layer) / present, "units_kept": sum(by_layer), "units_by_layer": by_layer}
    return Outcome(model, achieved, notes)


def _cut(block: FeedForward, keep: Int[Tensor, " K"]) -> Cut:
    return Cut(block.down, inputs_going(keep, block.units), partial(drop_units, block, keep))
