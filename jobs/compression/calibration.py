"""The calibration pass: what flows into every map of the layers, measured once, bottom up, for whoever needs it.

The moments of one layer are held at a time, and so are the activations: by the time that a layer's moments are handed
out, the data has passed through it, so that whatever is done to the layer then does not change what those above see.

What was measured on a model as it came can be kept in a cache, where the next job on that model and that data finds it.
An entry that is damaged, or not of this map and this much of the data, is as good as none. Moments are rounded to
single precision whether they come from the cache or not, so a job's result does not depend on it.

Source: the Gram matrix of SparseGPT, arXiv:2301.00774; the input covariance of SVD-LLM, arXiv:2403.07378.
Cost: two forward passes over the data and an (I, N) x (N, I) product for each input; with the cache, reading I² / 2
single-precision numbers for each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import device_of, inference
from jobs.compression.anatomy import Layer, Slot
from jobs.compression.cache import Cache, keep, recall
from jobs.compression.spread import Spread
from jobs.compression.streams import Stream, arrivals, listening, passes
from jobs.compression.technique import Context, Progress, part_of
from jobs.contract.errors import CorruptCheckpointError

CALIBRATION_VERSION = 2
"""Goes up when data is read, or moments are measured, in another way: what was kept before then counts no more."""

CACHE_BYTES_MAX = 2 * 2**30
"""What is kept of one model, at most: the moments of a larger one are measured each time."""

Choice: TypeAlias = Callable[[Layer], Sequence[Slot]]
"""From a layer to those of its maps whose inputs are asked for."""

Group: TypeAlias = tuple[Slot, ...]
"""Maps that are given the same."""

Packed: TypeAlias = Mapping[str, Tensor]
"""Moments as they are kept: ``mean`` and, row by row, the covariance's ``lower`` triangle, in single precision."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the inputs x of a map, padding left out; float64, of a precision that single numbers can hold.

    Attributes:
        mean: of x.
        covariance: about that mean, which is what counts where a bias makes up for the mean.
    """

    mean: Float[Tensor, " I"]
    covariance: Float[Tensor, "I I"]

    @property
    def second(self) -> Float[Tensor, "I I"]:
        """Return the mean of ``x xᵀ``."""
        return self.covariance + torch.outer(self.mean, self.mean)


def calibrate(
    model: PreTrainedModel, ctx: Context, choose: Choice, progress: Progress
) -> Iterator[Mapping[Slot, Moments]]:
    """Yield for each layer, bottom first, the moments of what its chosen maps are given.

    With a cache, all maps are measured and kept if any of the chosen is not in it.

    Args:
        model: each layer may be changed once its moments are there.
        ctx: has the data and the cache.
        choose: says which maps.
        progress: hears ``passes(batches, layers)`` units of work.

    Raises:
        DataRequiredError: there is no data.
        CorruptCheckpointError: what a map is given is not finite.
    """
    layers, batches, device = ctx.anatomy.layers(model), ctx.data(), device_of(model)
    chosen = [[group for group in layer.groups if set(group) & set(choose(layer))] for layer in layers]
    every = [list(layer.groups) for layer in layers]
    cache = ctx.cache if _bytes(every) <= CACHE_BYTES_MAX else None
    known = None if cache is None else _recalled(chosen, cache, len(batches))
    if known is None:
        wanted = chosen if cache is None else every
        source = zip(wanted, _measured(model, ctx, wanted, progress), strict=True)
    else:
        source = zip(chosen, known, strict=True)
        progress(passes(len(batches), len(layers)), passes(len(batches), len(layers)), "calibration")
    for groups, found in source:
        if cache is not None and known is None:
            _keep(cache, groups, found, len(batches))
        yield _by_slot(groups, found, device)


def _measured(
    model: PreTrainedModel, ctx: Context, wanted: Sequence[Sequence[Group]], progress: Progress
) -> Iterator[list[Packed]]:
    """Yield the moments of each layer's groups as soon as all data has passed through the layer."""
    batches, encoder = ctx.data(), ctx.anatomy.encoder(model)
    total = passes(len(batches), len(encoder))
    with inference(model):
        streams = arrivals(model, ctx.anatomy, batches, part_of(progress, 0, total))
    for index, (layer, groups) in enumerate(zip(encoder, wanted, strict=True)):
        within = part_of(progress, passes(len(batches), index), total)
        with inference(model):
            found = _through(layer, groups, streams, within)
        yield found  # not within: whoever asked goes on with gradients as they were


def _through(layer: nn.Module, groups: Sequence[Group], streams: Sequence[Stream], progress: Progress) -> list[Packed]:
    """Take the streams through *layer* and return the moments of what its groups were given."""
    tallies = [_Tally(group[0]) for group in groups]
    for done, stream in enumerate(streams, start=1):
        with listening([group[0] for group in groups], partial(_count, tallies, stream)):
            stream.climb(layer)
        progress(done, len(streams), "calibration")
    return [tally.packed() for tally in tallies]


def _count(tallies: Sequence["_Tally"], stream: Stream, at: int, given: Float[Tensor, "..."]) -> None:
    tallies[at].add(stream.rows(given))


class _Tally:
    """What one map is given."""

    def __init__(self, slot: Slot) -> None:
        self._name = slot.name
        self._spread = Spread(slot.linear.in_features, slot.linear.weight.device)

    def add(self, rows: Float[Tensor, "N I"]) -> None:
        self._spread.add(rows)

    def packed(self) -> Packed:
        covariance = self._spread.covariance
        if not covariance.isfinite().all():
            raise CorruptCheckpointError(
                f"Expected finite numbers inside the model; what {self._name} is given holds NaN or infinity. "
                "Check the model's weights and the data."
            )
        return {"mean": self._spread.mean.float(), "lower": covariance[_lower(covariance)].float()}


def _record(group: Group, batches: int) -> str:
    """Return the name of a record: some steps are given all batches of the data, others as many as they go through."""
    return f"{batches}/{group[0].name}"


def _keep(cache: Cache, groups: Sequence[Group], found: Sequence[Packed], batches: int) -> None:
    for group, packed in zip(groups, found, strict=True):
        keep(cache, _record(group, batches), packed)


def _recalled(chosen: Sequence[Sequence[Group]], cache: Cache, batches: int) -> list[list[Packed]] | None:
    """Return what *cache* has of each layer's groups, or None unless it has all."""
    found: list[list[Packed]] = []
    for groups in chosen:
        packed = [recall(cache, _record(group, batches), _shapes(group)) for group in groups]
        if any(each is None for each in packed):
            return None
        found.append([each for each in packed if each is not None])
    return found


def _by_slot(groups: Sequence[Group], found: Sequence[Packed], device: torch.device) -> dict[Slot, Moments]:
    moments = [_unpacked(packed, device) for packed in found]
    return {slot: each for group, each in zip(groups, moments, strict=True) for slot in group}


def _unpacked(packed: Packed, device: torch.device) -> Moments:
    mean = packed["mean"].to(device, torch.float64)
    lower = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=device)
    lower[_lower(lower)] = packed["lower"].to(lower)
    return Moments(mean, lower + lower.tril(-1).T)


def _lower(square: Float[Tensor, "I I"]) -> Bool[Tensor, "I I"]:
    return torch.ones_like(square, dtype=torch.bool).tril()


def _shapes(group: Group) -> dict[str, tuple[int, ...]]:
    width = group[0].linear.in_features
    return {"mean": (width,), "lower": (width * (width + 1) // 2,)}


def _bytes(groups: Sequence[Sequence[Group]]) -> int:
    widths = (group[0].linear.in_features for layer in groups for group in layer)
    return sum(4 * width * (width + 3) // 2 for width in widths)
