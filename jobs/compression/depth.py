"""Fewer layers, as the model's class can have them."""

from collections.abc import Sequence

from transformers import PreTrainedModel

from jobs.compression.anatomy import Anatomy
from jobs.compression.settling import settle_depth
from jobs.compression.surgery import drop_layers
from jobs.contract.errors import NotApplicableError

PLACED = "scale_attn_by_inverse_layer_idx"
"""A field by which a config says that what a layer computes depends on its place."""


def keep_layers(model: PreTrainedModel, anatomy: Anatomy, keep: Sequence[int]) -> None:
    """Leave only the layers in *keep* and make the config say so; a layer that is used N times is used less often.

    Raises:
        NotApplicableError: the model cannot be built without a layer that goes.
    """
    _check_kept(model, anatomy, keep)
    config = model.config
    kinds = getattr(config, "layer_types", None)
    if not anatomy.family.shared:
        drop_layers(anatomy.encoder(model), keep)
    if kinds:
        config.layer_types = [kinds[index] for index in keep]
    settle_depth(config, len(keep))


def _check_kept(model: PreTrainedModel, anatomy: Anatomy, keep: Sequence[int]) -> None:
    config, kept = model.config, list(keep)
    if getattr(config, PLACED, False) and kept != list(range(len(kept))):
        raise NotApplicableError(f"Expected the lowest layers to stay: by {PLACED} each knows its place; got {kept}.")
    if anatomy.family.keeps_first and 0 not in kept:
        raise NotApplicableError(f"Expected layer 0 to stay: a {config.model_type} needs it first; got {kept}.")
    if anatomy.family.shared and len(anatomy.encoder(model)) > 1:
        raise NotApplicableError("Expected one layer that is used many times; this model has several of them.")
