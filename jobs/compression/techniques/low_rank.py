"""Replace linear maps by the product of two thin ones.

A map of O outputs and I inputs becomes rank R: R (O + I) parameters instead of O I. Where that would not be fewer, an
explicit rank is refused, and by ratio or energy the map stays dense, which the report says. With weighting activation
the factors keep what the map does to real inputs instead of its entries: far better, and needs data.

Source: Eckart and Young 1936; SVD-LLM, arXiv:2403.07378 (activation)

Differs: factors as in ``jobs.compression.factoring``; the same rule for every map, no search over ranks.

Cost: one eigendecomposition a map; with weighting activation also one pass over the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.compression.anatomy import Layer, Slot
from jobs.compression.factoring import Spectrum, factors, parity, root_of, spectrum
from jobs.compression.moments import second_moments
from jobs.compression.proof import unchanged
from jobs.compression.schema import Schema
from jobs.compression.surgery import factorise
from jobs.compression.technique import Context, Outcome, Params, part_of, technique
from jobs.contract.errors import NotApplicableError, RankDoesNotPayError

Part = Literal["all", "attention", "feed_forward"]
Group: TypeAlias = tuple[Slot, ...]
"""Maps that read the same input."""
Pair: TypeAlias = tuple[Float[Tensor, "R I"], Float[Tensor, "O R"]]
"""The two factors of a map."""


@dataclass(frozen=True, slots=True)
class LowRank(Params):
    """Which maps are factorised, and how far."""

    alternatives: ClassVar[tuple[str, ...]] = ("rank_ratio", "rank", "energy")

    rank_ratio: Annotated[
        float | None, Schema("Share of each matrix's parameters that is kept.", above=0, maximum=1)
    ] = None
    rank: Annotated[int | None, Schema("The same rank for every matrix.", minimum=1)] = None
    energy: Annotated[
        float | None, Schema("Share of the sum of squared singular values that is kept.", above=0, maximum=1)
    ] = None
    weighting: Annotated[
        Literal["none", "activation"],
        Schema("What the factors keep: the entries, or what the map does to real inputs."),
    ] = "none"
    modules: Annotated[Part, Schema("Which maps: of the attention, of the feed-forward pair, or both.")] = "all"

    def asks(self) -> bool:
        """Return whether anything is to go."""
        return self.rank_ratio != 1 and self.energy != 1


@technique(LowRank, needs_data={"when": {"weighting": "activation"}})
def compress(model: PreTrainedModel, params: LowRank, ctx: Context) -> Outcome:
    """Return *model* with its chosen maps factorised where that pays.

    Raises:
        NotApplicableError: a chosen map is factorised already.
        RankDoesNotPayError: the explicit rank makes a chosen map larger.
        DataRequiredError: weighting activation without data.
    """
    groups = [group for layer in ctx.anatomy.layers(model) for group in _sharing_inputs(layer, params.modules)]
    _check([slot for group in groups for slot in group], params.rank)
    roots = _roots(model, groups, params, ctx)
    before = len(ctx.batches or ()) if params.weighting == "activation" else 0
    progress = part_of(ctx.progress, before, before + len(groups))
    pairs: dict[Slot, Pair] = {}
    for index, (group, root) in enumerate(zip(groups, roots, strict=True), start=1):
        for slot in group:
            found = spectrum(slot.weight().detach(), root)
            rank = _rank(found, params)
            if rank <= parity(*found.weight.shape):
                down, up = factors(found, rank)
                pairs[slot] = down.to(slot.linear.weight), up.to(slot.linear.weight)
        progress(index, len(groups), "factorising")
    _factorise(model, pairs, ctx)
    ranks = {slot.name: len(down) for slot, (down, _) in pairs.items()}
    dense = [slot.name for group in groups for slot in group if slot.name not in ranks]
    notes = (f"Left dense, because no rank pays: {', '.join(dense)}.",) if dense else ()
    return Outcome(model, _achieved(groups, ranks), notes)


def _factorise(model: PreTrainedModel, pairs: Mapping[Slot, Pair], ctx: Context) -> None:
    for slot, (down, up) in pairs.items():
        slot.linear.weight.data.copy_(up @ down)
    with unchanged(model, ctx.probe, tuple(pairs)):
        for slot, pair in pairs.items():
            factorise(slot, *pair)


def _sharing_inputs(layer: Layer, part: Part) -> list[Group]:
    attention, feed_forward = layer.groups[:2], layer.groups[2:]
    return list({"all": layer.groups, "attention": attention, "feed_forward": feed_forward}[part])


def _check(slots: Sequence[Slot], rank: int | None) -> None:
    for slot in slots:
        if not isinstance(slot.linear, nn.Linear):
            raise NotApplicableError(
                f"{slot.name} is factorised already (rank {slot.linear.rank}). Start from the dense model, "
                "or choose other modules."
            )
        shape = slot.linear.out_features, slot.linear.in_features
        if rank is not None and rank > parity(*shape):
            raise RankDoesNotPayError(
                f"Rank {rank} does not make {slot.name} ({shape[0]} x {shape[1]}) smaller. "
                f"The largest rank that pays in all chosen maps is {_largest(slots)}."
            )


def _largest(slots: Sequence[Slot]) -> int:
    return min(parity(slot.linear.out_features, slot.linear.in_features) for slot in slots)


def _roots(
    model: PreTrainedModel, groups: Sequence[Group], params: LowRank, ctx: Context
) -> Sequence[Float[Tensor, "I I"] | None]:
    if params.weighting == "none":
        return [None] * len(groups)
    batches = ctx.data()
    progress = part_of(ctx.progress, 0, len(batches) + len(groups))
    heard = [group[0] for group in groups]
    return [root_of(moment) for moment in second_moments(model, ctx.anatomy, heard, batches, progress)]


def _rank(found: Spectrum, params: LowRank) -> int:
    outputs, inputs = found.weight.shape
    if not params.asks():
        return min(outputs, inputs)
    if params.rank_ratio is not None:
        return max(round(params.rank_ratio * outputs * inputs / (outputs + inputs)), 1)
    return params.rank or found.rank_for(params.energy or 1.0)


def _achieved(groups: Sequence[Group], ranks: Mapping[str, int]) -> dict[str, Any]:
    slots = [slot for group in groups for slot in group]
    before = sum(slot.linear.out_features * slot.linear.in_features for slot in slots)
    kept = sum(matrix.numel() for slot in slots for matrix in slot.matrices())
    return {"rank_ratio": kept / before, "ranks": dict(ranks), "left_dense": len(slots) - len(ranks)}
