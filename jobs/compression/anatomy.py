"""The parts of a Transformer encoder, named once: layers, their attention and their feed-forward pair.

Everything is a live reference into the model: what a :class:`Slot` holds is read when asked for, so a view stays right
while the model is being cut, and a model that was compressed before is seen as it is now.

Symbols used in shapes: B batch, T positions, D model width, H heads, F feed-forward units, O outputs and I inputs of a
linear map, R rank, N any count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.backbone_utils import BackboneConfigMixin

from jobs.batches import Batch
from jobs.checkpoint.restore import FactorisedLinear
from jobs.compression.anatomies import FAMILIES, Family
from jobs.contract.errors import UnsupportedModelError
from jobs.contract.spec import InputKind

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
    """One self-attention: query, key and value map D to ``heads * head_dim``, output maps back."""

    query: Slot
    key: Slot
    value: Slot
    output: Slot
    head_dim: int

    @property
    def heads(self) -> int:
        """Return how many heads there are now."""
        return self.query.linear.out_features // self.head_dim


@dataclass(frozen=True, slots=True)
class FeedForward:
    """One feed-forward pair: up maps D to F, down maps back."""

    up: Slot
    down: Slot

    @property
    def units(self) -> int:
        """Return the hidden width F as it is now."""
        return self.up.linear.out_features


@dataclass(frozen=True, slots=True)
class Layer:
    """One Transformer layer."""

    attention: Attention
    feed_forward: FeedForward

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return all six maps: query, key, value, output, up, down."""
        attention, feed_forward = self.attention, self.feed_forward
        return (*_projections(attention), attention.output, feed_forward.up, feed_forward.down)


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

    def norm_first(self, model: PreTrainedModel) -> bool:
        """Return whether a layer's blocks write into the plain residual stream, so that its output is the stream."""
        return self.family.norm_first or getattr(model.config, "do_stable_layer_norm", False)

    def real_positions(self, model: PreTrainedModel, batch: Batch, length: int) -> Bool[Tensor, "B T"] | None:
        """Return which of the *length* positions inside the encoder are not padding; None when all are real."""
        mask = batch.get("attention_mask")
        if mask is None:
            return None
        if self.modality == "audio":  # the mask counts samples; the front end strides over them
            mask = model.base_model._get_feature_vector_attention_mask(length, mask)  # noqa: SLF001 - no public name
        return mask.bool()

    def settle(self, model: PreTrainedModel) -> None:
        """Make the config say what the layers are, as far as its fields can: depth, even width, even heads."""
        config, layers = model.config, self.layers(model)
        _settle_depth(config, len(layers))
        widths = {layer.feed_forward.units for layer in layers}
        heads = {layer.attention.heads for layer in layers}
        if len(widths) == 1:
            self._settle_width(config, widths.pop())
        if self.family.free_heads and len(heads) == 1:
            config.head_dim, config.num_attention_heads = layers[0].attention.head_dim, heads.pop()

    def _settle_width(self, config: Any, width: int) -> None:
        hidden = config.hidden_size if self.family.width_in_hidden else 1
        if width % hidden == 0:
            setattr(config, self.family.width, width // hidden)

    def _layer(self, model: PreTrainedModel, index: int) -> Layer:
        family, path = self.family, f"{self.family.layers}.{index}"
        query, key, value, output, up, down = (
            _slot(model.base_model, f"{path}.{part}")
            for part in (family.query, family.key, family.value, family.output, family.up, family.down)
        )
        return Layer(Attention(query, key, value, output, _head_dim(model.config)), FeedForward(up, down))


def anatomy_of(model: PreTrainedModel) -> Anatomy:
    """Return the anatomy of *model*.

    Raises:
        UnsupportedModelError: no row of the table fits; the message says what was looked for.
    """
    kind = model.config.model_type
    found = next((family for family in FAMILIES if kind in family.model_types), None)
    if found is None:
        known = ", ".join(sorted(name for family in FAMILIES for name in family.model_types))
        raise UnsupportedModelError(f"Expected a model_type among {known}; got {kind!r}.")
    anatomy = Anatomy(found)
    try:
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


def _settle_depth(config: Any, depth: int) -> None:
    if config.num_hidden_layers != depth and isinstance(config, BackboneConfigMixin):  # it names a stage for each layer
        config.stage_names = config.stage_names[: depth + 1]
        config.set_output_features_output_indices(None, None)
    config.num_hidden_layers = depth


def _projections(attention: Attention) -> tuple[Slot, Slot, Slot]:
    return attention.query, attention.key, attention.value


def _uneven(layers: Sequence[Layer]) -> Iterator[Slot]:
    for attention in (layer.attention for layer in layers):
        for slot in _projections(attention):
            if slot.linear.out_features != attention.heads * attention.head_dim:
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


def _head_dim(config: Any) -> int:
    declared: int | None = getattr(config, "head_dim", None)
    return declared or config.hidden_size // config.num_attention_heads
