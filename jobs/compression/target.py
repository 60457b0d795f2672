"""A budget instead of steps: the service allocates what leaves which layer, and makes up for it.

One pass over the data tells what flows through the maps and how much of an error there the output sees; from that
follows a table of what every level of every block saves and costs (``levels``); dynamic programming picks the levels
that fit at the least total error (``allocation``). Then heads and units go, query and key maps are factorised, each
change proven, and all that writes into the stream is refitted once, bottom first (``reconstruct``).

Source: ZipLM, arXiv:2302.04089; SVD-LLM, arXiv:2403.07378; the modules above say which part is whose.
Differs: the table needs no trial runs; heads, units and ranks compete for one budget.
Cost: a forward and a backward pass, the table, and a reconstruction; on a sentence encoder of 11 M parameters and 512
sentences some 40 seconds of one core.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from jobs.compression.allocation import Front, front
from jobs.compression.anatomy import Slot
from jobs.compression.cutting import Cut, cut_all, inputs_going
from jobs.compression.factoring import factors, root_of, spectrum
from jobs.compression.flows import Flow, flows
from jobs.compression.learning.mixing import enlarged
from jobs.compression.levels import Level, Place, places, read_slots, rows_of
from jobs.compression.pricing import allowance, sizes_of, unit_of
from jobs.compression.proof import unchanged
from jobs.compression.reconstruct import passes, reconstruct
from jobs.compression.surgery import factorise
from jobs.compression.technique import Context, Outcome, part_of
from jobs.contract.spec import Target

MEANS = "removing heads and feed-forward units, and factorising query and key maps,"

MEASURED = (
    "Latency is in microseconds of one typical input, measured on this machine at this time; predicted is the sum of "
    "what parts took. The same request may give another result."
)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Which level each block gets, decided before anything is changed.

    Attributes:
        chosen: the blocks with their levels.
        found: what flows through their maps.
        predicted: what the model will cost.
    """

    chosen: Sequence[tuple[Place, Level]]
    found: Mapping[Slot, Flow]
    predicted: int


def allocation_for(target: Target, model: PreTrainedModel, ctx: Context) -> Allocation:
    """Return what has to go from where for *model* to meet *target*; *model* stays as it is.

    Raises:
        TargetUnreachableError: one head and one unit in every layer are still too much; the message says how much.
        NothingChangedError: the model is that small already.
        DataRequiredError: there is no data.
    """
    sizes = sizes_of(target, model, ctx.anatomy)
    found = flows(model, read_slots(model, ctx), ctx, ctx.progress)
    table = places(model, found, sizes, ctx)
    choices: Front[int, Level] = front({index: place.levels for index, place in enumerate(table)})
    allowed = allowance(target, sizes, sizes.total + choices.smallest, MEANS)
    levels = choices.within(allowed - sizes.total)
    predicted = sizes.total + sum(table[index].levels[level][0] for index, level in levels.items())
    return Allocation([(table[index], level) for index, level in levels.items()], found, predicted)


def reach(target: Target, model: PreTrainedModel, ctx: Context, *, refit: bool = True) -> Outcome:
    """Return *model*, changed in place, within *target*: as close to what it was as the table can tell.

    Without *refit* nothing makes up for what goes: shapes and amounts are the same, sooner.

    Raises:
        TargetUnreachableError: one head and one unit in every layer are still too much; the message says how much.
        NothingChangedError: the model is that small already.
        DataRequiredError: there is no data.
        VerificationError: a change was not what it should be.
        CancelledError: progress said so.
    """
    ctx = ctx.sampled(model)
    with ctx.anatomy.opened(model):
        batches = ctx.data()
        fitting = enlarged(batches, ctx.rng)
        refitting = passes(len(fitting), 2 * len(ctx.anatomy.encoder(model))) if refit else 0
        total = len(batches) + refitting
        planned = allocation_for(target, model, replace(ctx, progress=part_of(ctx.progress, 0, total)))
        reference = deepcopy(ctx.anatomy.encoder(model))
        silent = replace(ctx, batches=None, progress=lambda done, total, note="": None)
        for block in ("attention", "feed_forward"):
            cuts = [_cut(place, level) for place, level in planned.chosen if place.block == block]
            cut_all(model, cuts, block, silent, refit=False)
        ranks = _factorise(model, planned, ctx)
        within = part_of(ctx.progress, len(batches), total)
        notes: tuple[str, ...] = ()
        if refit:
            notes = reconstruct(model, reference, "layer", ctx.anatomy, batches=fitting, progress=within)
        ctx.anatomy.settle(model)
        achieved = sizes_of(target, model, ctx.anatomy).total // unit_of(target)
    figures = {"predicted": planned.predicted // unit_of(target), "achieved": achieved}
    if target.metric == "latency":
        notes = (*notes, MEASURED)
    return Outcome(model, {**_kept(planned), "ranks": ranks, **figures}, (*notes, *ctx.notes))


def _cut(place: Place, level: Level) -> Cut:
    parts, keep = place.parts, place.keep(level)
    return Cut(parts.reader, inputs_going(keep, parts.count, parts.size), partial(parts.keep, keep))


def _factorise(model: PreTrainedModel, planned: Allocation, ctx: Context) -> dict[str, int]:
    """Factorise what the levels say and return the ranks; the heads have gone already."""
    pairs = {}
    for place, level in planned.chosen:
        for slot, rank in zip(place.factorable, level.ranks, strict=False):
            if rank is not None:
                pairs[slot] = _factors(slot, planned.found[slot], place.keep(level), rank)
                _replace(slot, planned.found[slot], *pairs[slot])
    with unchanged(model, ctx.probe, tuple(pairs)):
        for slot, (down, up) in pairs.items():
            factorise(slot, down, up)
    return {slot.name: len(down) for slot, (down, _) in pairs.items()}


def _factors(
    slot: Slot, flow: Flow, keep: Int[Tensor, " K"], rank: int
) -> tuple[Float[Tensor, "R I"], Float[Tensor, "O R"]]:
    """Return the factors that lose least of what the model's output sees of *slot*."""
    rows = rows_of(keep, slot.linear.out_features // len(keep))
    slopes = flow.slopes.double()[rows][:, rows]
    seen = root_of(slopes if slopes.any() else torch.eye(len(rows)).to(slopes))  # nothing is seen: all counts alike
    down, up = factors(spectrum(seen.T @ slot.weight().detach().double(), root_of(flow.given.double())), rank)
    up = torch.linalg.solve_triangular(seen.T, up, upper=True)
    return down.to(slot.linear.weight), up.to(slot.linear.weight)


def _replace(slot: Slot, flow: Flow, down: Float[Tensor, "R I"], up: Float[Tensor, "O R"]) -> None:
    """Make the map the product of its factors; its bias makes up for what the mean input loses."""
    linear, product = slot.linear, up @ down
    with torch.no_grad():
        if linear.bias is not None:
            linear.bias.add_((linear.weight - product).double() @ flow.mean)
        linear.weight.copy_(product)


def _kept(planned: Allocation) -> dict[str, Any]:
    heads, units = (
        [level.kept for place, level in planned.chosen if place.block == block]
        for block in ("attention", "feed_forward")
    )
    return {"heads_by_layer": heads, "units_by_layer": units}
