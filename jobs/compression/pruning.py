"""What the pruning of heads and of feed-forward units share: score, choose, cut, refit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedModel

from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.reconstruct import Block, passes
from jobs.compression.scoring import Parts, Score, passes_of, scores_of
from jobs.compression.selection import Amount, Scope, survivors
from jobs.compression.technique import Context, part_of

UNSCORED = "There was no data for score obs, so score l1 was used; with data the choice is better."


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is asked for.

    Attributes:
        amount: how much goes.
        score: what makes a part unimportant; obs becomes l1 where there is no data.
        scope: where parts compete.
        refit: whether the maps that read them are refitted.
    """

    amount: Amount
    score: Score
    scope: Scope
    refit: bool


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done.

    Attributes:
        kept: for each block, which parts stay.
        score: what was used.
        notes: what a reader of the report should know.
    """

    kept: Sequence[Int[Tensor, " _"]]
    score: Score
    notes: tuple[str, ...]


def prune(model: PreTrainedModel, blocks: Sequence[Parts], block: Block, asked: Pruning, ctx: Context) -> Pruned:
    """Remove parts from every block and return what was done.

    Args:
        model: changed in place.
        blocks: what competes, bottom first.
        block: their kind.
        asked: how much goes, and which.
        ctx: its data, if there is any, is what scores are taken on, and what is refitted on.

    Raises:
        DataRequiredError: score taylor or fisher without data.
        VerificationError: a cut was not what masking is.
        CancelledError: progress said so.
    """
    blind = asked.score == "obs" and not len(ctx.batches or ())
    score: Score = "l1" if blind else asked.score
    ahead = passes_of(score, model, ctx)
    total = ahead + len(blocks) + (passes(len(ctx.batches or ()), len(blocks)) if asked.refit else 0)
    scores = scores_of(score, blocks, model, ctx, part_of(ctx.progress, 0, total))
    kept = survivors(scores, asked.amount, asked.scope)
    cuts = [
        Cut(parts.reader, inputs_going(keep, parts.count, parts.size), partial(parts.keep, keep))
        for parts, keep in zip(blocks, kept, strict=True)
    ]
    within = replace(ctx, progress=part_of(ctx.progress, ahead, total))
    notes = cut_all(model, cuts, block, within, refit=asked.refit)
    return Pruned(kept, score, (UNSCORED, *notes) if blind else notes)
