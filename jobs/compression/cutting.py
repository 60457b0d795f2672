"""Parts leave every layer: each cut is proven against the masked model, and then made up for as far as data can tell.

The order is the point: the proof compares with the mask alone, before reconstruction moves any weight.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformers import PreTrainedModel

from jobs.compression.anatomy import Slot
from jobs.compression.proof import cut_proven
from jobs.compression.reconstruct import Block, passes, reconstruct
from jobs.compression.technique import Context, part_of

WITHOUT_DATA = "There was no data to refit the next projection on; with data the result is closer to the dense model."


@dataclass(frozen=True, slots=True)
class Cut:
    """What leaves one layer.

    Attributes:
        reader: the map that reads the parts that go.
        going: which of its inputs they are.
        make: makes the cut.
    """

    reader: Slot
    going: Bool[Tensor, " I"]
    make: Callable[[], None]


def inputs_going(keep: Int[Tensor, " K"], parts: int, size: int = 1) -> Bool[Tensor, " I"]:
    """Return which inputs go when, of so many *parts* of *size* inputs each, those in *keep* stay."""
    going = torch.ones(parts, dtype=torch.bool, device=keep.device)
    going[keep] = False
    return going.repeat_interleave(size)


def cut_all(model: PreTrainedModel, cuts: Sequence[Cut], block: Block, ctx: Context, *, refit: bool) -> tuple[str, ...]:
    """Make the *cuts*, one a layer and bottom first, and return what a reader of the report should know.

    Args:
        model: changed in place.
        cuts: all in blocks of the kind *block*.
        block: which of a layer's blocks loses parts.
        ctx: its data, if there is any, is what is refitted on.
        refit: whether to refit the maps that read what has gone.

    Raises:
        VerificationError: a cut was not what masking is.
        CancelledError: progress said so.
    """
    lost = any(bool(each.going.any()) for each in cuts)
    batches = (ctx.batches if refit and lost else None) or ()
    total = len(cuts) + passes(len(batches), len(cuts))
    reference = deepcopy(ctx.anatomy.encoder(model)) if len(batches) else None
    with cut_proven(model, ctx.probe, {each.reader: each.going for each in cuts}):
        for done, each in enumerate(cuts, start=1):
            each.make()
            ctx.progress(done, total, "cutting")
    if reference is None:
        return (WITHOUT_DATA,) if refit and lost else ()
    within = part_of(ctx.progress, len(cuts), total)
    return reconstruct(model, reference, block, ctx.anatomy, batches=batches, progress=within)
