"""How to find the parts of a Transformer encoder in a model, by the row of the table that its architecture has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from jaxtyping import Bool
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch
from jobs.checkpoint.modelpress_attention import heads_kept
from jobs.compression.anatomies import FAMILIES
from jobs.compression.discovery import discover
from jobs.compression.family import Family
from jobs.compression.opening import opened, without_cache
from jobs.compression.parts import Attention, FeedForward, Layer, Linear, Slot, layer_of
from jobs.compression.settling import settle_depth, settle_heads, settle_width
from jobs.contract.errors import UnsupportedModelError
from jobs.contract.spec import InputKind

__all__ = (
    "Anatomy",
    "Attention",
    "FeedForward",
    "Layer",
    "Linear",
    "Slot",
    "anatomy_of",
)

_NORM_FIRST = ("do_stable_layer_norm", "do_layer_norm_before")
"""Fields by which a config says that blocks read the normalised stream, in families that have both kinds."""


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
        said = any(getattr(model.config, name, False) for name in _NORM_FIRST)
        return self.family.norm_first or (said and not self.family.discovered)

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
        path = f"{self.family.layers}.{index}"
        return layer_of(model.base_model, path, self.family, model.config, self._uses(model)[index])

    def _uses(self, model: PreTrainedModel) -> list[int]:
        """Return how often a forward pass goes through each layer of the stack."""
        stack = len(self.encoder(model))
        if not self.family.shared:
            return [1] * stack
        depth = model.config.num_hidden_layers
        places = [place * stack // depth for place in range(depth)]
        return [places.count(index) for index in range(stack)]


def anatomy_of(model: PreTrainedModel) -> Anatomy:
    """Return the anatomy of *model*: by its row of the table, or where there is none, found and proven.

    Raises:
        UnsupportedModelError: neither; the message says what was looked for.
    """
    kind = model.config.model_type
    found = next((family for family in FAMILIES if _describes(family, model.config)), None)
    anatomy = Anatomy(_discovered(model) if found is None else found)
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


def _discovered(model: PreTrainedModel) -> Family:
    """Return the row of an architecture that is not in the table, found and proven."""
    try:
        return discover(model)
    except UnsupportedModelError as error:
        known = ", ".join(sorted(name for family in FAMILIES for name in family.model_types))
        raise UnsupportedModelError(
            f"Expected a model_type among {known}, or layers of one softmax attention and one feed-forward pair; got "
            f"{model.config.model_type!r}: {error}. Send a model of a known type."
        ) from error


def _describes(family: Family, config: Any) -> bool:
    return config.model_type in family.model_types and (not family.when or getattr(config, family.when))


def _uneven(layers: Sequence[Layer]) -> Iterator[Slot]:
    for attention in (layer.attention for layer in layers):
        for slot in attention.inward:
            if slot.linear.out_features != attention.heads * attention.span(slot):
                yield slot
