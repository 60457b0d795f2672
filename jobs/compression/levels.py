"""The table behind a target: what each level of each block saves, and what error it brings to the model's output.

A level of an attention says how many heads stay, and as which ranks the query and key maps of those are stored, if
that pays; a level of a feed-forward pair says how many units stay. The error of a cut is what is left at the map that
reads the parts once it is refitted, that of a rank the directions that go, both weighed by how much of an error there
the model's output sees (``flows``). Nothing is tried out: a row of the table costs no forward pass.

Source: ZipLM, arXiv:2302.04089 (errors of all levels from one sweep); SVD-LLM, arXiv:2403.07378 (ranks).
Differs: errors are weighed by slopes instead of measured one by one, and directions that the output does not see are
let go first; query and key may be factorised. Value, output, up and down never paid for it where we measured.
Cost: a sweep for each block, and for each number of heads two eigenvalue problems of their width.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.compression.allocation import undominated
from jobs.compression.anatomy import Layer, Slot
from jobs.compression.factoring import parity, root_of, suiting
from jobs.compression.flows import Flow
from jobs.compression.obs import sweep
from jobs.compression.pricing import Saving, Sizes
from jobs.compression.reconstruct import Block
from jobs.compression.scoring import Parts, heads_of, units_of
from jobs.compression.technique import Context

RANK_SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Of the weights of a query or key map, that its factors hold."""

UNIT_LEVELS = 48
"""Numbers of units that are looked at, at most."""


@dataclass(frozen=True, slots=True)
class Level:
    """How much of a block stays.

    Attributes:
        kept: heads or units.
        ranks: of the query and key maps; None for a dense one. Empty for a feed-forward pair.
    """

    kept: int
    ranks: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A block with its levels.

    Attributes:
        block: its kind.
        parts: what can go.
        order: which goes first.
        factorable: the maps that a level's ranks are of.
        levels: from each level to what it costs, all of the block being zero and less below, and the error it brings.
    """

    block: Block
    parts: Parts
    order: Int[Tensor, " N"]
    factorable: tuple[Slot, ...]
    levels: Mapping[Level, tuple[int, float]]

    def keep(self, level: Level) -> Int[Tensor, " K"]:
        """Return the parts that stay, in their order."""
        return self.order[len(self.order) - level.kept :].sort().values


def read_slots(model: PreTrainedModel, ctx: Context) -> list[Slot]:
    """Return the maps whose flows ``places`` asks for."""
    layers = ctx.anatomy.layers(model)
    heads = [slot for layer in layers for slot in (layer.attention.query, layer.attention.key, layer.attention.output)]
    return heads + [pair.down for layer in layers for pair in layer.feed_forwards]


def places(model: PreTrainedModel, found: Mapping[Slot, Flow], sizes: Sizes, ctx: Context) -> list[Place]:
    """Return every block of *model* with its levels: attentions bottom first, then feed-forward pairs.

    Args:
        model: left as it is.
        found: what flows through ``read_slots``.
        sizes: what parts cost.
        ctx: has the anatomy.
    """
    layers = ctx.anatomy.layers(model)
    attentions = [
        _ranked(_cut("attention", heads_of(layer.attention), found, price, layer.uses), layer, found, save)
        for layer, (_, price), save in zip(layers, sizes.heads, sizes.factors, strict=True)
    ]
    pairs = [(units_of(pair), layer.uses) for layer in layers for pair in layer.feed_forwards]
    prices = [price for _, price in sizes.units]
    return attentions + [
        _cut("feed_forward", units, found, price, uses) for (units, uses), price in zip(pairs, prices, strict=True)
    ]


def _cut(block: Block, parts: Parts, found: Mapping[Slot, Flow], price: int, uses: int) -> Place:
    flow, weight = found[parts.reader], parts.reader.weight().detach().double()
    seen = root_of(flow.slopes.double()).T @ weight
    swept = sweep(seen, flow.given.double(), parts.size, stop=parts.count - 1)
    gone = set(range(0, parts.count, max(parts.count // UNIT_LEVELS, 1))) | {parts.count - 1}
    errors = swept.errors.tolist()
    levels = {Level(parts.count - each): (-each * price, uses * errors[each]) for each in sorted(gone)}
    last = torch.ones(parts.count, dtype=torch.bool, device=swept.order.device)
    last[swept.order] = False
    return Place(block, parts, torch.cat([swept.order, last.nonzero().flatten()]), (), levels)


def _ranked(cut: Place, layer: Layer, found: Mapping[Slot, Flow], save: Saving) -> Place:
    """Return the place of an attention with, for each number of heads, the ranks that query and key may have."""
    slots = (layer.attention.query, layer.attention.key)
    maps = [_Outer(slot, found[slot], layer.attention.span(slot)) for slot in slots]
    levels: dict[Level, tuple[int, float]] = {}
    for level, (cost, error) in cut.levels.items():
        keep = cut.keep(level)
        for chosen in product(*(each.ranks(keep, save) for each in maps)):
            more = layer.uses * sum(each.error for each in chosen)
            kept = Level(level.kept, tuple(each.rank for each in chosen))
            levels[kept] = (cost - sum(each.saved for each in chosen), error + more)
    return replace(cut, factorable=slots, levels=undominated(levels))


@dataclass(frozen=True, slots=True)
class _Rank:
    rank: int | None
    saved: int = 0
    error: float = 0.0


class _Outer:
    """A query or key map: which ranks its remaining rows may have."""

    def __init__(self, slot: Slot, flow: Flow, span: int) -> None:
        weight = slot.weight().detach().double()
        self._slot, self._span, self._inputs = slot, span, weight.shape[1]
        self._power, self._slopes = weight @ flow.given.double() @ weight.T, flow.slopes.double()

    def ranks(self, keep: Int[Tensor, " K"], save: Saving) -> Iterator[_Rank]:
        yield _Rank(None)
        if not isinstance(self._slot.linear, nn.Linear):
            return
        rows = rows_of(keep, self._span)
        tails = _tails(self._power[rows][:, rows], self._slopes[rows][:, rows])
        outputs, inputs = len(rows), self._inputs
        shared = {int(share * outputs * inputs / (outputs + inputs)) for share in RANK_SHARES} - {0}
        for rank in sorted({suiting(each, parity(outputs, inputs)) for each in shared}):
            yield _Rank(rank, save(outputs * inputs - rank * (outputs + inputs)), float(tails[rank]))


def rows_of(keep: Int[Tensor, " K"], span: int) -> Int[Tensor, " _"]:
    """Return the outputs that belong to the parts in *keep*, each *span* of them."""
    return (keep[:, None] * span + torch.arange(span, device=keep.device)).flatten()


def _tails(power: Float[Tensor, "O O"], slopes: Float[Tensor, "O O"]) -> Float[Tensor, " _"]:
    """Return the error of every rank from 0 on: the sum of the squared singular values that go."""
    root = root_of(slopes)
    energies = torch.linalg.eigvalsh(root.T @ power @ root).clamp_min(0)
    return torch.cat([energies.cumsum(0).flip(0), energies.new_zeros(1)])
