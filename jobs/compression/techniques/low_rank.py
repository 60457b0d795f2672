"""Replace linear maps by the product of two thin ones.

A map of O outputs and I inputs becomes rank R: R (O + I) parameters instead of O I. Where that would not be fewer, an
explicit rank is refused, and otherwise the map stays dense, which the report says.

Weighting none keeps a map's entries, fisher those that the model's output depends on, and activation what the map does
to real inputs as far as the output sees it: far better. With the latter two a share of the parameters is given to the
maps where it helps most, rather than the same to each; many maps then stay dense. And with data every map is fitted,
bottom first, to give what the dense one gave on inputs as they are by then.

Source: Eckart and Young 1936; FWSVD, arXiv:2207.00112 (fisher); SVD-LLM, arXiv:2403.07378 (activation); reduced-rank
regression (the fit)

Differs: slopes of random probes instead of labels; errors are weighed on both sides, by how inputs spread and by what
the output sees of a map's outputs; factors as in ``jobs.compression.factoring``; ranks by dynamic programming over
errors that follow from the spectra, without trying any out.

Cost: one eigendecomposition a map; on data a forward and a backward pass, and for the fit two passes of each layer, and
one up to the maps of each of its four turns. Under a minute for 10 million parameters on one thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.compression.allocation import allocate
from jobs.compression.anatomy import Layer, Slot
from jobs.compression.factoring import Spectrum, factors, parity, root_of, spectrum, suiting
from jobs.compression.flows import Flow, flows
from jobs.compression.proof import map_unchanged, unchanged
from jobs.compression.schema import Rule, Schema
from jobs.compression.sequence import Group, change_in_turn, turns
from jobs.compression.surgery import factorise
from jobs.compression.technique import Context, Outcome, Params, part_of, technique
from jobs.contract.errors import NotApplicableError, RankDoesNotPayError

Part = Literal["all", "attention", "feed_forward"]
Pair: TypeAlias = tuple[Float[Tensor, "R I"], Float[Tensor, "O R"]]
"""The two factors of a map."""

LEVELS = 24
"""Ranks that are looked at for each map, at most."""


@dataclass(frozen=True, slots=True)
class LowRank(Params):
    """Which maps are factorised, and how far."""

    alternatives: ClassVar[tuple[str, ...]] = ("rank_ratio", "rank", "energy")
    rules = (
        Rule(when={"allocation": ()}, then={"rank_ratio": ()}),
        Rule(when={"allocation": ("error",)}, then={"weighting": ("fisher", "activation")}),  # none knows no errors
    )

    rank_ratio: Annotated[
        float | None, Schema("Share of the matrices' parameters that is kept.", above=0, maximum=1)
    ] = None
    rank: Annotated[int | None, Schema("The same rank for every matrix.", minimum=1)] = None
    energy: Annotated[
        float | None, Schema("Share of the sum of squared singular values that is kept.", above=0, maximum=1)
    ] = None
    weighting: Annotated[
        Literal["none", "fisher", "activation"],
        Schema(
            "What the factors keep: the entries; those that the model's output depends on; or what the map does to "
            "real inputs, as far as the output sees it. The latter two need data."
        ),
    ] = "none"
    allocation: Annotated[
        Literal["uniform", "error"] | None,
        Schema(
            "How rank_ratio is shared out: the same for every matrix, or where it keeps the error of the model's "
            "output least, which needs a weighting and is the rule with one."
        ),
    ] = None
    modules: Annotated[Part, Schema("Which maps: of the attention, of the feed-forward pair, or both.")] = "all"
    reconstruct: Annotated[
        bool,
        Schema(
            "Fit every map, from the first layer to the last, to give what the dense one gave on the request's data. "
            "Without data it is left out, and the report says so."
        ),
    ] = True
    seed: Annotated[int, Schema("Of the random probes of fisher and activation.", minimum=0, maximum=2**31 - 1)] = 0

    def asks(self) -> bool:
        """Return whether anything is to go."""
        return self.rank_ratio != 1 and self.energy != 1

    @property
    def by_error(self) -> bool:
        """Return whether maps get ranks by the errors that they bring."""
        return self.rank_ratio is not None and self.weighting != "none" and self.allocation != "uniform"


@technique(LowRank, needs_data={"unless": {"weighting": "none"}})
def compress(model: PreTrainedModel, params: LowRank, ctx: Context) -> Outcome:
    """Return *model* with its chosen maps factorised where that pays.

    Raises:
        NotApplicableError: a chosen map is factorised already.
        RankDoesNotPayError: the explicit rank makes a chosen map larger.
        DataRequiredError: a weighting without data.
        TargetUnreachableError: the smallest ranks are still too many parameters.
    """
    layers = ctx.anatomy.layers(model)
    groups = [group for layer in layers for group in chosen_maps(layer, params.modules)]
    slots = [slot for group in groups for slot in group]
    _check(slots, params.rank)
    if not params.asks():
        ctx.progress(1, 1)
        return Outcome(model, _achieved(slots, {}))
    heard = len(ctx.data()) if params.weighting != "none" else 0
    refit = params.reconstruct and ctx.batches is not None
    total = heard + (turns(groups, len(ctx.data())) if refit else len(slots))
    weighing = _Weighing(params, flows(model, slots, ctx, part_of(ctx.progress, 0, total)) if heard else {})
    uses = {slot: layer.uses for layer in layers for slot in layer.slots}
    ranks = _ranks(slots, params, weighing, uses)
    pairs: dict[Slot, Pair] = {}
    progress = part_of(ctx.progress, heard, total)
    notes: tuple[str, ...] = ()
    if refit:
        notes = change_in_turn(model, groups, partial(_stand_in, pairs, ranks, weighing), ctx, progress)
    else:
        for done, slot in enumerate(slots, start=1):
            with weighing.mean_kept(slot):
                _stand_in(pairs, ranks, weighing, slot, None)
            if slot in pairs:
                with map_unchanged(slot):
                    factorise(slot, *pairs.pop(slot))
            progress(done, len(slots), "factorising")
    if pairs:
        _factorise(model, pairs, ctx)
    return Outcome(model, _achieved(slots, ranks), (*notes, *_notes(slots, ranks, params, refit=refit)))


@dataclass(frozen=True, slots=True)
class _Weighing:
    """What errors of each map count."""

    params: LowRank
    found: Mapping[Slot, Flow]

    def spectrum(self, slot: Slot, spread: Float[Tensor, "I I"] | None = None) -> Spectrum:
        """Return a map's spectrum; *spread* is that of its inputs where it is not any more as it was."""
        weight = slot.weight().detach()
        if self.params.weighting == "none":
            return spectrum(weight)
        flow = self.found[slot]
        if self.params.weighting == "fisher":
            return spectrum(weight, root_of(torch.diag(flow.fisher.double())))
        given = flow.given.double() if spread is None else spread
        return spectrum(weight, root_of(given), root_of(flow.slopes.double()))

    @contextmanager
    def mean_kept(self, slot: Slot) -> Iterator[None]:
        """Run the block, and have a map's bias take up what it does to the mean, which a spread leaves out."""
        bias = slot.linear.bias
        if self.params.weighting != "activation" or bias is None:
            yield
            return
        before = slot.weight().detach().double()
        yield
        bias.data.add_((before - slot.weight().detach().double()) @ self.found[slot].mean.double())


def _ranks(
    slots: Sequence[Slot], params: LowRank, weighing: _Weighing, uses: Mapping[Slot, int]
) -> dict[Slot, int | None]:
    """Return the rank of each map; None for one that stays dense."""
    if params.by_error:
        cells = {slot: _levels(slot, weighing.spectrum(slot), uses[slot]) for slot in slots}
        whole = sum(slot.linear.out_features * slot.linear.in_features for slot in slots)
        return allocate(cells, int((params.rank_ratio or 1.0) * whole))
    asked = {slot: _same_for_all(slot, params, weighing) for slot in slots}
    return {slot: rank if rank <= _parity(slot) else None for slot, rank in asked.items()}


def _levels(slot: Slot, found: Spectrum, uses: int) -> dict[int | None, tuple[int, float]]:
    """Return what each rank of a map costs in parameters, and what error it brings."""
    outputs, inputs = found.weight.shape
    most = _parity(slot)
    steps = sorted({suiting(max(most * step // LEVELS, 1), most) for step in range(1, LEVELS + 1)}) if most else []
    lost = found.energies.flip(0).cumsum(0).flip(0)  # what goes with the directions from each one on
    levels: dict[int | None, tuple[int, float]] = {
        rank: (rank * (outputs + inputs), uses * float(lost[rank])) for rank in steps
    }
    return levels | {None: (outputs * inputs, 0.0)}


def _same_for_all(slot: Slot, params: LowRank, weighing: _Weighing) -> int:
    outputs, inputs = slot.linear.out_features, slot.linear.in_features
    if params.rank_ratio is not None:
        return suiting(max(round(params.rank_ratio * outputs * inputs / (outputs + inputs)), 1), _parity(slot))
    return params.rank or weighing.spectrum(slot).rank_for(params.energy or 1.0)


def _stand_in(
    pairs: dict[Slot, Pair],
    ranks: Mapping[Slot, int | None],
    weighing: _Weighing,
    slot: Slot,
    spread: Float[Tensor, "I I"] | None,
) -> None:
    """Put the product of the best factors in the place of a map's matrix, and keep them in *pairs*."""
    rank, weight = ranks[slot], slot.linear.weight
    if rank is not None:
        pairs[slot] = _like(weight, *factors(weighing.spectrum(slot, spread), rank))
        torch.mm(pairs[slot][1], pairs[slot][0], out=weight.data)


def _like(weight: Tensor, down: Tensor, up: Tensor) -> Pair:
    return down.to(weight), up.to(weight)


def _factorise(model: PreTrainedModel, pairs: Mapping[Slot, Pair], ctx: Context) -> None:
    with unchanged(model, ctx.probe, tuple(pairs)):
        for slot, pair in pairs.items():
            factorise(slot, *pair)


def chosen_maps(layer: Layer, part: Part) -> list[Group]:
    """Return the maps of *layer* that *part* means, those together that read the same."""
    attention = [group for group in layer.groups if set(group) & {*layer.attention.inward, layer.attention.output}]
    feed_forward = [group for group in layer.groups if group not in attention]
    return {"all": list(layer.groups), "attention": attention, "feed_forward": feed_forward}[part]


def _parity(slot: Slot) -> int:
    return parity(slot.linear.out_features, slot.linear.in_features)


def _check(slots: Sequence[Slot], rank: int | None) -> None:
    for slot in slots:
        if not isinstance(slot.linear, nn.Linear):
            raise NotApplicableError(
                f"{slot.name} is factorised already (rank {slot.linear.rank}). Start from the dense model, "
                "or choose other modules."
            )
        if rank is not None and rank > _parity(slot):
            raise RankDoesNotPayError(
                f"Rank {rank} does not make {slot.name} ({slot.linear.out_features} x {slot.linear.in_features}) "
                f"smaller. The largest rank that pays in all chosen maps is {min(map(_parity, slots))}."
            )


def _notes(slots: Sequence[Slot], ranks: Mapping[Slot, int | None], params: LowRank, *, refit: bool) -> tuple[str, ...]:
    dense = [slot.name for slot in slots if ranks[slot] is None]
    why = "their parameters are better spent there" if params.by_error else "no rank pays"
    left = (f"Left dense, because {why}: {', '.join(dense)}.",) if dense else ()
    unfitted = ("There is no data, so nothing was fitted to the dense model.",) if params.reconstruct > refit else ()
    return left + unfitted


def _achieved(slots: Sequence[Slot], ranks: Mapping[Slot, int | None]) -> dict[str, Any]:
    before = sum(slot.linear.out_features * slot.linear.in_features for slot in slots)
    kept = sum(matrix.numel() for slot in slots for matrix in slot.matrices())
    found = {slot.name: rank for slot, rank in ranks.items() if rank is not None}
    return {"rank_ratio": kept / before, "ranks": found, "left_dense": len(slots) - len(found)}
