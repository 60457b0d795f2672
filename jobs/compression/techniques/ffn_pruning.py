"""Remove feed-forward units; both maps of the pair get smaller.

A unit is a row of the first map, its bias, and a column of the second. With scope layer every layer gets the same
width, which the architecture's own config can say, so the result loads in plain transformers. With data, the second
maps are then refitted, bottom layer first, to give what they gave before.

Source: Lin et al. 2022, arXiv:2211.09949 (l1, there called low-rank approximation, and row pruning in its code);
Kurtic et al. 2023, arXiv:2302.04089 (obs); Michel et al. 2019, arXiv:1905.10650 (taylor); Kwon et al. 2022,
arXiv:2204.09656 (fisher)

Differs: one shot; a closed-form refit instead of training between the cuts.

Cost: the score; with data four passes over it, and a system of K equations a layer, K units kept.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from transformers import PreTrainedModel

from jobs.compression.pruning import Pruning, prune
from jobs.compression.schema import Schema
from jobs.compression.scoring import Score, units_of
from jobs.compression.selection import Amount, Scope
from jobs.compression.technique import Context, Outcome, Params, technique


@dataclass(frozen=True, slots=True)
class FfnPruning(Params):
    """How many units go, and which."""

    alternatives: ClassVar[tuple[str, ...]] = ("units_removed", "units_kept")

    units_removed: Annotated[float | None, Schema("Share of the hidden units that goes.", minimum=0, below=1)] = None
    units_kept: Annotated[
        int | None, Schema("Units that stay: in each layer, or with scope global in all layers together.", minimum=1)
    ] = None
    score: Annotated[
        Score,
        Schema(
            "What makes a unit unimportant: obs, the error that is left when the others have made up for it (without "
            "data l1 is used, and the report says so); l1, the norm of its weights; taylor and fisher, how much of it "
            "reaches the model's output. taylor and fisher need data."
        ),
    ] = "obs"
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
    seed: Annotated[int, Schema("Of the random probes that taylor and fisher take.", minimum=0, maximum=2**31 - 1)] = 0

    def asks(self) -> bool:
        """Return whether any unit is to go."""
        return self.units_removed != 0


@technique(FfnPruning, needs_data={"when": {"score": ["taylor", "fisher"]}})
def compress(model: PreTrainedModel, params: FfnPruning, ctx: Context) -> Outcome:
    """Return *model* without its least important feed-forward units.

    Raises:
        DataRequiredError: score taylor or fisher without data.
    """
    blocks = [block for layer in ctx.anatomy.layers(model) for block in layer.feed_forwards]
    present = sum(block.units for block in blocks)
    asked = Pruning(
        Amount(params.units_removed, params.units_kept), params.score, params.scope, refit=params.reconstruct
    )
    pruned = prune(model, [units_of(each) for each in blocks], "feed_forward", asked, ctx)
    by_layer = [block.units for block in blocks]
    achieved = {
        "units_removed": 1 - sum(by_layer) / present,
        "units_kept": sum(by_layer),
        "units_by_layer": by_layer,
        "score": pruned.score,
    }
    return Outcome(model, achieved, pruned.notes)
