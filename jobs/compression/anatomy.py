"""The parts of a Transformer encoder, named once: layers, their attention and their feed-forward pair.

Everything is a live reference into the model: what a :class:`Slot` holds is read when asked for, so a view stays right
while the model is being cut, and a model that was compressed before is seen as it is now.

Symbols used in shapes: B batch, T positions, D model width, H heads (what can be cut of them), F feed-forward units, O
outputs and I inputs of a linear map, R rank, N any count.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch
from jobs.checkpoint.modelpress_attention import heads_kept
from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.anatomies import FAMILIES
from jobs.compression.companions import Companion, companions_of
from jobs.compression.family import Family
from jobs.compression.opening import opened, without_cache
from jobs.compression.settling import settle_depth, settle_heads, settle_width
from jobs.contract.errors import UnsupportedModelError
from jobs.contract.spec import InputKind

_NORM_FIRST = ("do_stable_layer_norm", "do_layer_norm_before")
"""Fields by which a config says that blocks read the normalised stream, in families that have both kinds."""

Linear: TypeAlias = nn.Linear | FactorisedLinear
"""A linear map, dense or stored as two factors."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a model that holds a linear map; *name* is its path from the base model."""

    parent: nn.Module
    attribute: str
    name: str

    @property
    def linear(self) -> Linear:
        """Return the map that is there now."""
        held: Linear = getattr(self.parent, self.attribute)
        return held

    def put(self, linear: Linear) -> None:
        """Put *linear* in the place of what is there."""
        setattr(self.parent, self.attribute, linear)

    def matrices(self) -> list[nn.Parameter]:
        """Return what the map is stored in, without the bias: one matrix, or two factors."""
        return [parameter for name, parameter in self.linear.named_parameters() if name != "bias"]

    def weight(self) -> Float[Tensor, "O I"]:
        """Return the map's matrix; for two factors, their product."""
        held = self.linear
        return held.up @ held.weight if isinstance(held, FactorisedLinear) else held.weight


@dataclass(frozen=True, slots=True)
class Attention:
    """One self-attention: query, key and value map D to the heads, output maps back.

    What can be cut is a *unit*: a head of key and value with the group of query heads that read it. In most models
    each query head has its own, and a unit is a head.

    Attributes:
        query, key, value, output: the four maps.
        head_dim: width of a head.
        group: query heads in a unit.
        companions: what goes with the units beside the maps.
    """

    query: Slot
    key: Slot
    value: Slot
    output: Slot
    head_dim: int
    group: int = 1
    companions: tuple[Companion, ...] = ()

    @property
    def heads(self) -> int:
        """Return how many units there are now."""
        return self.key.linear.out_features // self.head_dim

    @property
    def inward(self) -> tuple[Slot, Slot, Slot]:
        """Return the maps whose outputs are the units': query, key, value."""
        return self.query, self.key, self.value

    def span(self, slot: Slot) -> int:
        """Return how many outputs of query, key or value, or inputs of output, belong to one unit."""
        return self.head_dim * (self.group if slot in (self.query, self.output) else 1)


@dataclass(frozen=True, slots=True)
class FeedForward:
    """One feed-forward pair: up maps D to F, down maps back; a gate, if there is one, is of the shape of up."""

    up: Slot
    down: Slot
    gate: Slot | None = None

    @property
    def inward(self) -> tuple[Slot, ...]:
        """Return the maps whose outputs are the units: up, and the gate if there is one."""
        return (self.up,) if self.gate is None else (self.up, self.gate)

    @property
    def units(self) -> int:
        """Return the hidden width F as it is now."""
        return self.up.linear.out_features


@dataclass(frozen=True, slots=True)
class Layer:
    """One Transformer layer.

    Attributes:
        attention: the self-attention.
        feed_forward: the pair after it.
        first: another pair ahead of the attention, where a layer has two.
        uses: how often a forward pass goes through the layer.
    """

    attention: Attention
    feed_forward: FeedForward
    first: FeedForward | None = None
    uses: int = 1

    @property
    def feed_forwards(self) -> tuple[FeedForward, ...]:
        """Return every feed-forward pair, bottom first."""
        return (self.feed_forward,) if self.first is None else (self.first, self.feed_forward)

    @property
    def groups(self) -> tuple[tuple[Slot, ...], ...]:
        """Return all maps, those that read the same input together: query, key and value; output; up; down."""
        pairs = [group for pair in self.feed_forwards for group in (pair.inward, (pair.down,))]
        return (self.attention.inward, (self.attention.output,), *pairs)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return all maps; in a plain layer the six of query, key, value, output, up, down."""
        return tuple(slot for group in self.groups for slot in group)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """How to find the parts in any model of one family, with or without a task head."""

    family: Family

    @property
    def modality(self) -> InputKind:
        """Return what the model takes: text, audio or image."""
        return self.family.modality

    def encoder(self, model: PreTrainedModel) -> nn.ModuleList:
        """Return the stack of layers, bottom first, without embeddings, front end or heads."""
        return cast("nn.ModuleList", model.base_model.get_submodule(self.family.layers))

    def layers(self, model: PreTrainedModel) -> Sequence[Layer]:
        """Return a view of every layer, bottom first."""
        return tuple(self._layer(model, index) for index in range(len(self.encoder(model))))

    def depth(self, model: PreTrainedModel) -> int:
        """Return how many layers a forward pass goes through, each as often as it does."""
        return sum(self._uses(model))

    @contextmanager
    def opened(self, model: PreTrainedModel) -> Iterator[None]:
        """Run the block with *model* ready for a step: every map a ``Linear`` of its own, and no key or value kept."""
        with opened(self.encoder(model), self.family), without_cache(model.config):
            yield

    def norm_first(self, model: PreTrainedModel) -> bool:
        """Return whether a layer's blocks write into the plain residual stream, so that its output is the stream."""
        return self.family.norm_first or any(getattr(model.config, name, False) for name in _NORM_FIRST)

    def real_positions(self, model: PreTrainedModel, batch: Batch, length: int) -> Bool[Tensor, "B T"] | None:
        """Return which of the *length* positions inside the encoder are not padding; None when all are real."""
        mask = batch.get("attention_mask")
        if mask is None:
            return None
        if self.modality == "audio" and mask.shape[1] != length:  # it counts samples; the front end strides over them
            mask = model.base_model._get_feature_vector_attention_mask(length, mask)  # noqa: SLF001 - no public name
        return mask.bool()

    def settle(self, model: PreTrainedModel) -> None:
        """Make the config say what the layers are, as far as its fields can: depth, even width, even heads."""
        config, layers = model.config, self.layers(model)
        settle_depth(config, self.depth(model))
        widths = {pair.units for layer in layers for pair in layer.feed_forwards}
        heads = {layer.attention.heads for layer in layers}
        if len(widths) == 1:
            settle_width(config, self.family, widths.pop())
        choosing = any(heads_kept(module) is not None for module in self.encoder(model).modules())
        if self.family.free_heads and len(heads) == 1 and not choosing:
            attention = layers[0].attention
            settle_heads(config, attention.head_dim, attention.heads, attention.group)

    def _layer(self, model: PreTrainedModel, index: int) -> Layer:
        family, path = self.family, f"{self.family.layers}.{index}"
        query, key, value, output, up, down = (
            _slot(model.base_model, f"{path}.{part}")
            for part in (family.query, family.key, family.value, family.output, family.up, family.down)
        )
        gate, first_up, first_down = (
            _slot(model.base_model, f"{path}.{part}") if part else None
            for part in (family.gate, family.first_up, family.first_down)
        )
        head_dim = _head_dim(model.config)
        companions = companions_of(family.companions, model.base_model, model.base_model.get_submodule(path), head_dim)
        attention = Attention(query, key, value, output, head_dim, _group(model.config), companions)
        first = FeedForward(first_up, first_down) if first_up and first_down else None
        return Layer(attention, FeedForward(up, down, gate), first, self._uses(model)[index])

    def _uses(self, model: PreTrainedModel) -> list[int]:
        """Return how often a forward pass goes through each layer of the stack."""
        stack = len(self.encoder(model))
        if not self.family.shared:
            return [1] * stack
        depth = model.config.num_hidden_layers
        places = [place * stack // depth for place in range(depth)]
        return [places.count(index) for index in range(stack)]


def anatomy_of(model: PreTrainedModel) -> Anatomy:
    """Return the anatomy of *model*.

    Raises:
        UnsupportedModelError: no row of the table fits; the message says what was looked for.
    """
    kind = model.config.model_type
    found = next((family for family in FAMILIES if _describes(family, model.config)), None)
    if found is None:
        known = ", ".join(sorted(name for family in FAMILIES for name in family.model_types))
        raise UnsupportedModelError(f"Expected a model_type among {known}; got {kind!r}.")
    anatomy = Anatomy(found)
    try:
        with anatomy.opened(model):
            layers = anatomy.layers(model)
    except AttributeError as missing:
        raise UnsupportedModelError(
            f"Expected {type(model).__name__} to be built like {kind!r} models are; but {missing}."
        ) from missing
    for slot in _uneven(layers):
        raise UnsupportedModelError(
            f"Expected whole heads of {layers[0].attention.head_dim} outputs in {slot.name}; "
            f"got {slot.linear.out_features} outputs."
        )
    return anatomy


def _describes(family: Family, config: Any) -> bool:
    return config.model_type in family.model_types and (not family.when or getattr(config, family.when))


def hidden_states(output: Any) -> Float[Tensor, "B T D"]:
    """Return the hidden states of what a layer gives: some give a tuple, in which they come first."""
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


def _uneven(layers: Sequence[Layer]) -> Iterator[Slot]:
    for attention in (layer.attention for layer in layers):
        for slot in attention.inward:
            if slot.linear.out_features != attention.heads * attention.span(slot):
                yield slot


def _slot(base: nn.Module, path: str) -> Slot:
    parent, _, attribute = path.rpartition(".")
    slot = Slot(base.get_submodule(parent), attribute, path)
    held = getattr(slot.parent, attribute, None)
    if not isinstance(held, nn.Linear | FactorisedLinear):
        raise UnsupportedModelError(
            f"Expected a Linear at {path} of {type(base).__name__}; found {type(held).__name__}."
        )
    return slot


def _group(config: Any) -> int:
    """Return how many query heads share a head of key and value."""
    shared: int | None = getattr(config, "num_key_value_heads", None)
    return config.num_attention_heads // shared if shared else 1


def _head_dim(config: Any) -> int:
    declared: int | None = getattr(config, "head_dim", None)
    return declared or config.hidden_size // config.num_attention_heads
