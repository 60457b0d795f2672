"""From a budget to steps: the same share of heads and of feed-forward units leaves every layer.

The size after a cut is known beforehand, exactly: what a head and a unit cost follows from the shapes around them. The
largest shares of heads and units that fit are found by bisection, heads first, units to fill up what is left.

Differs: a uniform share is a first form; it reads no data, and does not ask which layer can spare most.
Cost: for MACs one forward pass to see lengths and what lies outside the layers; else arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from jobs.batches import device_of, inference, synthetic_batch, to_device, trunk_of, typical_input
from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.anatomy import Anatomy, Layer, Slot
from jobs.compression.selection import share_of
from jobs.contract.errors import NothingChangedError, TargetUnreachableError
from jobs.contract.spec import Step, Target

HEADER_BYTES = 128
"""Upper bound of what a tensor takes in the header of a safetensors file, beside its name."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What a model costs in one metric: as it is, and for each layer a head and a unit."""

    total: int
    heads: tuple[tuple[int, int], ...]  # one a layer: (how many, cost of each)
    units: tuple[tuple[int, int], ...]

    def after(self, heads_removed: float, units_removed: float) -> int:
        """Return the cost when these shares have left every layer."""
        return self.total - _saved(self.heads, heads_removed) - _saved(self.units, units_removed)


def steps_for(target: Target, model: PreTrainedModel, anatomy: Anatomy) -> tuple[Step, ...]:
    """Return the steps that bring *model* to *target*: as large as allowed, never larger.

    Raises:
        TargetUnreachableError: one head and one unit in every layer are still too much; the message says how much.
        NothingChangedError: the model is that small already.
    """
    sizes = _SIZES[target.metric](model, anatomy, target.scope == "encoder")
    allowed = int(target.ratio * sizes.total) if target.ratio is not None else target.max or 0
    if sizes.total <= allowed:
        raise NothingChangedError(
            f"The {target.scope} has {sizes.total} {target.metric}, within the {allowed} asked for. Ask for less."
        )
    heads, units = _grid(sizes.heads), _grid(sizes.units)
    smallest = sizes.after(heads[-1], units[-1])
    if smallest > allowed:
        raise TargetUnreachableError(
            f"Expected a target that removing heads and feed-forward units can reach: {smallest} {target.metric} "
            f"of the {target.scope} ({smallest / sizes.total:.3f} of it) or more; got {allowed}."
        )
    share = _first(units, lambda share: sizes.after(share, share) <= allowed)
    head_share = _first(heads, lambda each: each > share - 1 / len(heads) and sizes.after(each, units[-1]) <= allowed)
    unit_share = _first(units, lambda share: sizes.after(head_share, share) <= allowed)
    asked = (("head_pruning", "heads_removed", head_share), ("ffn_pruning", "units_removed", unit_share))
    return tuple(Step(technique, {amount: share}) for technique, amount, share in asked if share)


def _grid(parts: Sequence[tuple[int, int]]) -> list[float]:
    """Return every share that removes a whole number of parts from the fullest layer, and leaves one."""
    fullest = max(count for count, _ in parts)
    return [removed / fullest for removed in range(fullest)]


def _first(shares: Sequence[float], fits: Callable[[float], bool]) -> float:
    """Return the smallest share that fits, knowing that larger ones do too; the largest if none does."""
    low, high = 0, len(shares) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(shares[middle]) else (middle + 1, high)
    return shares[low]


def _saved(parts: Sequence[tuple[int, int]], share: float) -> int:
    return sum(share_of(share, count, count - 1) * cost for count, cost in parts)


def _params(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> _Sizes:
    part = anatomy.encoder(model) if encoder_only else model
    total = sum(parameter.numel() for parameter in part.parameters())
    return _priced(total, anatomy.layers(model), lambda slot: int(slot.linear.bias is not None))


def _bytes(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> _Sizes:
    named = dict((anatomy.encoder(model) if encoder_only else model).named_parameters())
    header = 0 if encoder_only else sum(HEADER_BYTES + len(name) for name in named)
    total = sum(parameter.numel() * parameter.element_size() for parameter in named.values())
    each = next(iter(named.values())).element_size()
    sizes = _params(model, anatomy, encoder_only)
    return _Sizes(total + header, _times(sizes.heads, each), _times(sizes.units, each))


def _macs(model: PreTrainedModel, anatomy: Anatomy, encoder_only: bool) -> _Sizes:
    """Return MACs of one typical input: (D + I) for each weight and position, and the attention's 2 T² d for a head."""
    total, length = _forward(model, anatomy)
    layers = anatomy.layers(model)
    per_position = _priced(0, layers, lambda _: 0)
    weighing = [2 * length * length * layer.attention.span(layer.attention.query) for layer in layers]
    heads = tuple(
        (count, layer.uses * (length * cost + extra))
        for layer, (count, cost), extra in zip(layers, per_position.heads, weighing, strict=True)
    )
    units = tuple(
        (count, layer.uses * length * cost) for layer, (count, cost) in zip(layers, per_position.units, strict=True)
    )
    if encoder_only:
        total = sum(
            layer.uses * (length * _weights(layer) + layer.attention.heads * extra)
            for layer, extra in zip(layers, weighing, strict=True)
        )
    return _Sizes(total, heads, units)


def _weights(layer: Layer) -> int:
    return sum(matrix.numel() for slot in layer.slots for matrix in slot.matrices())


_SIZES = {"params": _params, "bytes": _bytes, "macs": _macs}


def _priced(total: int, layers: Sequence[Layer], extra: Callable[[Slot], int]) -> _Sizes:
    """Return what heads and units cost in weights, and *extra* for each output of a map."""

    def output(slot: Slot) -> int:
        return _inner(slot, slot.linear.in_features) + extra(slot)

    def input_(slot: Slot) -> int:
        return _inner(slot, slot.linear.out_features)

    heads, units = [], []
    for layer in layers:
        attention, block = layer.attention, layer.feed_forward
        inward = sum(attention.span(slot) * output(slot) for slot in attention.inward)
        outward = attention.span(attention.output) * input_(attention.output)
        heads.append((attention.heads, inward + outward))
        units.append((block.units, sum(output(slot) for slot in block.inward) + input_(block.down)))
    return _Sizes(total, tuple(heads), tuple(units))


def _inner(slot: Slot, dense: int) -> int:
    return slot.linear.rank if isinstance(slot.linear, FactorisedLinear) else dense


def _times(parts: Sequence[tuple[int, int]], factor: int) -> tuple[tuple[int, int], ...]:
    return tuple((count, cost * factor) for count, cost in parts)


def _forward(model: PreTrainedModel, anatomy: Anatomy) -> tuple[int, int]:
    """Return the MACs of one typical input and how many positions it has inside the encoder."""
    spec = typical_input(anatomy.modality, model.config)
    batch = to_device(synthetic_batch(anatomy.modality, model.config, spec), device_of(model))
    # the fused attention kernels have no formula: without MATH their products would go uncounted
    with inference(model), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        found = trunk_of(model)(**batch)
    return counter.get_total_flops() // 2, found.last_hidden_state.shape[1]
