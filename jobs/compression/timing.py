"""How long the parts of a model take on this machine: a layer against the same layer with less in it, side by side.

What a part takes is what a layer with half of such parts saves, divided by their number; layers of one shape are
measured once. Passes alternate, so that whatever slows the machine down for a while slows both, and the median of the
differences counts.

Source: the look-up tables of Kwon et al. 2022, arXiv:2204.09656, and ZipLM, arXiv:2302.04089, made linear.
Cost: some forty passes of a layer for each kind of part and each shape of layer, and as many of the model.
"""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TypeAlias

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.batches import Batch, ListBatches, device_of, inference, to_device, trunk_of
from jobs.compression.anatomy import Anatomy, Layer, Slot
from jobs.compression.streams import Stream, arrivals
from jobs.compression.surgery import drop_heads, drop_units, factorise

WARM_UP, ROUNDS = 3, 15
FACTORS_SHARE = 4
"""Query and key are tried with one of so many of the weights that they have."""

Change: TypeAlias = Callable[[Layer], object]


@dataclass(frozen=True, slots=True)
class LayerTimes:
    """What a layer and its parts take [ns]; nothing where there is nothing to gain.

    Attributes:
        whole: all of it.
        head: a head.
        units: for each feed-forward pair, a unit.
        weight: a weight that query and key lose as factors; a share of a nanosecond.
    """

    whole: int
    head: int
    units: tuple[int, ...]
    weight: float


def times_of(model: PreTrainedModel, anatomy: Anatomy, batch: Batch) -> tuple[int, list[LayerTimes]]:
    """Return what a forward pass of *model* on *batch* takes [ns], and what each layer of the stack does."""
    here = to_device(batch, device_of(model))
    with inference(model):
        [stream] = arrivals(model, anatomy, ListBatches([here]), lambda done, total, note="": None)
        run = partial(trunk_of(model), **here)
        whole, _ = _side_by_side(run, run)
        shapes = [_shape(layer) for layer in anatomy.layers(model)]
        known = {shape: _measure(model, anatomy, shapes.index(shape), stream) for shape in dict.fromkeys(shapes)}
    return whole, [known[shape] for shape in shapes]


def _shape(layer: Layer) -> tuple[torch.Size, ...]:
    return tuple(matrix.shape for slot in layer.slots for matrix in slot.matrices())


def _measure(model: PreTrainedModel, anatomy: Anatomy, index: int, stream: Stream) -> LayerTimes:
    layer = anatomy.layers(model)[index]
    against = partial(_against, model, anatomy, index, stream)
    heads, pairs = layer.attention.heads, layer.feed_forwards
    whole, saved = against(lambda less: drop_heads(less.attention, torch.arange(max(heads // 2, 1))))
    head = saved // max(heads - max(heads // 2, 1), 1)
    units = []
    for place, pair in enumerate(pairs):
        _, saved = against(partial(_halve, place))
        units.append(saved // max(pair.units - max(pair.units // 2, 1), 1))
    slots = [slot for slot in (layer.attention.query, layer.attention.key) if isinstance(slot.linear, nn.Linear)]
    fewer = sum(_fewer(slot) for slot in slots)
    _, saved = against(_thin)
    return LayerTimes(whole, head, tuple(units), saved / fewer if fewer > 0 else 0.0)


def _halve(place: int, layer: Layer) -> None:
    pair = layer.feed_forwards[place]
    drop_units(pair, torch.arange(max(pair.units // 2, 1)))


def _against(model: PreTrainedModel, anatomy: Anatomy, index: int, stream: Stream, change: Change) -> tuple[int, int]:
    """Return what a layer takes, and what *change* saves of it."""
    copy = deepcopy(model)
    change(anatomy.layers(copy)[index])
    calls = stream.calls[index]
    runs = [partial(_use, anatomy.encoder(each)[index], stream, calls) for each in (model, copy)]
    return _side_by_side(*runs)


def _use(layer: nn.Module, stream: Stream, calls: Sequence[tuple[tuple[object, ...], dict[str, object]]]) -> None:
    for arguments, named in calls:
        layer(stream.hidden, *arguments, **named)


def _thin(layer: Layer) -> None:
    for slot in (layer.attention.query, layer.attention.key):
        if isinstance(slot.linear, nn.Linear):
            rank, weight = _rank(slot), slot.linear.weight
            factorise(slot, weight.new_zeros(rank, weight.shape[1]), weight.new_zeros(weight.shape[0], rank))


def _rank(slot: Slot) -> int:
    outputs, inputs = slot.linear.out_features, slot.linear.in_features
    return max(outputs * inputs // (FACTORS_SHARE * (outputs + inputs)), 1)


def _fewer(slot: Slot) -> int:
    outputs, inputs = slot.linear.out_features, slot.linear.in_features
    return outputs * inputs - _rank(slot) * (outputs + inputs)


def _side_by_side(first: Callable[[], object], second: Callable[[], object]) -> tuple[int, int]:
    """Return the median time of *first*, and by how much *second* is faster, if it is [ns]."""
    pairs = [(_clocked(first), _clocked(second)) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    saved = median(one - other for one, other in pairs)
    return int(median(one for one, _ in pairs)), max(int(saved), 0)


def _clocked(run: Callable[[], object]) -> int:
    _settled()
    began = time.perf_counter_ns()
    run()
    _settled()
    return time.perf_counter_ns() - began


def _settled() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
