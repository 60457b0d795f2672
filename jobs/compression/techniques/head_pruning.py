"""Remove whole attention heads; the projections get smaller.

A head is a block of rows of query, key and value and the matching columns of the output projection. Whole heads really
leave, so parameters, multiply-accumulates and time go down together. Each layer keeps at least one head.

With data, the output projections are then refitted, bottom layer first, to give what they gave before.

Source: Kurtic et al. 2023, arXiv:2302.04089 (obs); Lin et al. 2022, arXiv:2211.09949 (l1, taylor); Michel et al. 2019,
arXiv:1905.10650 (taylor); Kwon et al. 2022, arXiv:2204.09656 (fisher)

Differs: one shot; a closed-form refit instead of training between the cuts.

Cost: the score; with data four passes over it, a system of K·d equations a layer, K heads kept.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from transformers import PreTrainedModel

from jobs.compression.pruning import Pruning, prune
from jobs.compression.schema import Schema
from jobs.compression.scoring import Score, heads_of
from jobs.compression.selection import Amount, Scope
from jobs.compression.technique import Context, Outcome, Params, technique


@dataclass(frozen=True, slots=True)
class HeadPruning(Params):
    """How many heads go, and which."""

    alternatives: ClassVar[tuple[str, ...]] = ("heads_removed", "heads_kept")

    heads_removed: Annotated[float | None, Schema("Share of the heads that goes.", minimum=0, below=1)] = None
    heads_kept: Annotated[
        int | None, Schema("Heads that stay: in each layer, or with scope global in all layers together.", minimum=1)
    ] = None
    score: Annotated[
        Score,
        Schema(
            "What makes a head unimportant: obs, the error that is left when the others have made up for it (without "
            "data l1 is used, and the report says so); l1, the norm of its weights; taylor and fisher, how much of it "
            "reaches the model's output. taylor and fisher need data."
        ),
    ] = "obs"
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
    seed: Annotated[int, Schema("Of the random probes that taylor and fisher take.", minimum=0, maximum=2**31 - 1)] = 0

    def asks(self) -> bool:
        """Return whether any head is to go."""
        return self.heads_removed != 0


@technique(HeadPruning, needs_data={"when": {"score": ["taylor", "fisher"]}})
def compress(model: PreTrainedModel, params: HeadPruning, ctx: Context) -> Outcome:
    """Return *model* without its least important heads.

    Raises:
        DataRequiredError: score taylor or fisher without data.
    """
    attentions = [layer.attention for layer in ctx.anatomy.layers(model)]
    present = sum(attention.heads for attention in attentions)
    asked = Pruning(
        Amount(params.heads_removed, params.heads_kept), params.score, params.scope, refit=params.reconstruct
    )
    pruned = prune(model, [heads_of(each) for each in attentions], "attention", asked, ctx)
    by_layer = [attention.heads for attention in attentions]
    achieved = {
        "heads_removed": 1 - sum(by_layer) / present,
        "heads_kept": sum(by_layer),
        "heads_by_layer": by_layer,
        "kept_by_layer": [keep.tolist() for keep in pruned.kept],
        "score": pruned.score,
    }
    return Outcome(model, achieved, pruned.notes)
