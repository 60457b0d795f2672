"""What a model costs in one metric, and what each head, each feed-forward unit and each weight of it costs.

It follows from the shapes around a part, so the size after any cut is known beforehand.

Exactly, but for latency: its prices are what parts have been measured to take (``timing``), and so are its totals.

Cost: for MACs one forward pass to see lengths and what lies outside the layers, of which but for text nothing is
computed; for latency that of ``timing``; else arithmetic.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from operator import mul
from typing import Any, TypeAlias

from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from jobs.batches import Batch, entry_of, inference, suited, trunk_of
from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.anatomy import Anatomy, Layer, Slot
from jobs.compression.timing import times_of
from jobs.contract.errors import NothingChangedError, TargetUnreachableError
from jobs.contract.spec import Target
from jobs.inputs import synthetic_batch, typical_input

HEADER_BYTES = 128
"""Upper bound of what a tensor takes in the header of a safetensors file, beside its name."""

Prices: TypeAlias = tuple[tuple[int, int], ...]
"""For each block: how many parts it has, and what each costs."""

Saving: TypeAlias = Callable[[int], int]
"""From weights to what they cost."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a model costs in one metric.

    Attributes:
        total: as it is.
        heads: for each layer's attention.
        units: for each feed-forward pair, bottom first.
        factors: for each layer, what is saved when a matrix is stored as two factors that hold so many weights less.
    """

    total: int
    heads: Prices
    units: Prices
    factors: tuple[Saving, ...]


def sizes_of(target: Target, model: PreTrainedModel, anatomy: Anatomy) -> Sizes:
    """Return what *model* costs in the metric of *target*, within its scope."""
    return _SIZES[target.metric](model, anatomy, target.scope == "encoder")


def unit_of(target: Target) -> int:
    """Return how many of the figures here make one of the target's: times are in nanoseconds, targets in micro-."""
    return 1000 if target.metric == "latency" else 1


def allowance(target: Target, sizes: Sizes, smallest: int, means: str) -> int:
    """Return what *target* allows.

    Args:
        target: the budget.
        sizes: of the model as it is.
        smallest: what can be reached at all.
        means: what it can be reached by, for the message.

    Raises:
        TargetUnreachableError: the smallest is still too much; the message says how much.
        NothingChangedError: the model is that small already.
    """
    allowed = int(target.ratio * sizes.total) if target.ratio is not None else (target.max or 0) * unit_of(target)
    if sizes.total <= allowed:
        raise NothingChangedError(
            f"The {target.scope} has {sizes.total // unit_of(target)} {target.metric}, within the "
            f"{allowed // unit_of(target)} asked for. Ask for less."
        )
    if smallest > allowed:
        raise TargetUnreachableError(
            f"Expected a target that {means} can reach: {smallest // unit_of(target)} {target.metric} of the "
            f"{target.scope} ({smallest / sizes.total:.3f} of it) or more; got {allowed // unit_of(target)}."
        )
    return allowed


def _params(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> Sizes:
    part = anatomy.encoder(model) if encoder_only else model
    layers = anatomy.layers(model)
    heads, units = _priced(layers, lambda slot: int(slot.linear.bias is not None))
    return Sizes(sum(parameter.numel() for parameter in part.parameters()), heads, units, (int,) * len(layers))


def _bytes(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> Sizes:
    named = dict((anatomy.encoder(model) if encoder_only else model).named_parameters())
    header = 0 if encoder_only else HEADER_BYTES + max(map(len, named))
    total = sum(parameter.numel() * parameter.element_size() for parameter in named.values()) + header * len(named)
    each = next(iter(named.values())).element_size()
    sizes = _params(model, anatomy, encoder_only)
    factors = (lambda weights: weights * each - header,) * len(sizes.factors)
    return Sizes(total, _times(sizes.heads, each), _times(sizes.units, each), factors)


def _macs(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> Sizes:
    """Return MACs of one typical input: (D + I) for each weight and position, and the attention's 2 T² d for a head."""
    total, length = _forward(model, anatomy)
    layers = anatomy.layers(model)
    priced, units = _priced(layers, lambda _: 0)
    weighing = [2 * length * length * layer.attention.span(layer.attention.query) for layer in layers]
    heads = tuple(
        (count, layer.uses * (length * cost + extra))
        for layer, (count, cost), extra in zip(layers, priced, weighing, strict=True)
    )
    uses = [layer.uses for layer in layers for _ in layer.feed_forwards]
    if encoder_only:
        total = sum(
            layer.uses * (length * _weights(layer) + layer.attention.heads * extra)
            for layer, extra in zip(layers, weighing, strict=True)
        )
    units = tuple((count, times * length * cost) for times, (count, cost) in zip(uses, units, strict=True))
    return Sizes(total, heads, units, tuple(partial(mul, layer.uses * length) for layer in layers))


def _weights(layer: Layer) -> int:
    return sum(matrix.numel() for slot in layer.slots for matrix in slot.matrices())


def _latency(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> Sizes:
    """Return nanoseconds of one typical input, as measured here and now."""
    whole, layers = times_of(model, anatomy, _typical(model, anatomy))
    heads, units = _priced(anatomy.layers(model), lambda _: 0)
    timed_units = [each for layer in layers for each in layer.units]
    return Sizes(
        sum(layer.whole for layer in layers) if encoder_only else whole,
        tuple((count, layer.head) for (count, _), layer in zip(heads, layers, strict=True)),
        tuple((count, each) for (count, _), each in zip(units, timed_units, strict=True)),
        tuple(partial(_time_saved, layer.weight) for layer in layers),
    )


def _time_saved(each: float, weights: int) -> int:
    return int(each * weights)


_SIZES = {"params": _params, "bytes": _bytes, "macs": _macs, "latency": _latency}


def _priced(layers: Sequence[Layer], extra: Callable[[Slot], int]) -> tuple[Prices, Prices]:
    """Return what heads and units cost in weights, and *extra* for each output of a map."""

    def output(slot: Slot) -> int:
        return _inner(slot, slot.linear.in_features) + extra(slot)

    def input_(slot: Slot) -> int:
        return _inner(slot, slot.linear.out_features)

    heads = []
    for attention in (layer.attention for layer in layers):
        inward = sum(attention.span(slot) * output(slot) for slot in attention.inward)
        outward = attention.span(attention.output) * input_(attention.output)
        heads.append((attention.heads, inward + outward))
    pairs = [pair for layer in layers for pair in layer.feed_forwards]
    units = [(pair.units, sum(output(slot) for slot in pair.inward) + input_(pair.down)) for pair in pairs]
    return tuple(heads), tuple(units)


def _inner(slot: Slot, dense: int) -> int:
    return slot.linear.rank if isinstance(slot.linear, FactorisedLinear) else dense


def _times(parts: Prices, factor: int) -> Prices:
    return tuple((count, cost * factor) for count, cost in parts)


def _forward(model: PreTrainedModel, anatomy: Anatomy) -> tuple[int, int]:
    """Return the MACs of one typical input and how many positions it has inside the encoder.

    Nothing is computed but for text, which is short, and whose models look at the values of tokens and masks.
    """
    lengths: list[int] = []

    def hear(_: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        lengths.append(output.last_hidden_state.shape[1])

    runs = model if anatomy.modality == "text" else _hollow(model)
    batch = suited(_typical(model, anatomy), runs)
    # the fused attention kernels have no formula: without MATH their products would go uncounted
    heard, kernels = trunk_of(runs).register_forward_hook(hear), sdpa_kernel(SDPBackend.MATH)
    with inference(runs), heard, kernels, FlopCounterMode(display=False) as counter:
        entry_of(runs)(**batch)
    return counter.get_total_flops() // 2, lengths[0]


def _hollow(model: PreTrainedModel) -> PreTrainedModel:
    """Return a copy of *model* without bytes."""
    parameters = {id(each): nn.Parameter(each.detach().to("meta"), each.requires_grad) for each in model.parameters()}
    return deepcopy(model, parameters | {id(each): each.to("meta") for each in model.buffers()})


def _typical(model: PreTrainedModel, anatomy: Anatomy) -> Batch:
    return synthetic_batch(anatomy.modality, model.config, typical_input(anatomy.modality, model.config))
