"""Making a config say what a compressed model is, as far as its fields can, so that plain transformers opens it."""

from typing import Any

from transformers.backbone_utils import BackboneConfigMixin

from jobs.compression.family import Family


def settle_depth(config: Any, depth: int) -> None:
    """Make *config* say how many layers there are."""
    if config.num_hidden_layers != depth and isinstance(config, BackboneConfigMixin):  # it names a stage for each layer
        config.stage_names = config.stage_names[: depth + 1]
        config.set_output_features_output_indices(None, None)
    config.num_hidden_layers = depth


def settle_width(config: Any, family: Family, width: int) -> None:
    """Make *config* say how many feed-forward units every layer has, unless that is no number that it can say."""
    hidden = config.hidden_size if family.width_in_hidden else 1
    decoder_too = config.is_encoder_decoder and not family.width.startswith("encoder_")
    if width % hidden == 0 and not decoder_too:
        setattr(config, family.width, width // hidden)


def settle_heads(config: Any, head_dim: int, heads: int, group: int) -> None:
    """Make *config* say how many heads of which width every layer has, each with its *group* of query heads.

    Nothing is said where its class refuses the number, as some do when the model's width is no multiple of it.
    """
    now = {"head_dim": head_dim, "num_attention_heads": heads * group}
    if getattr(config, "num_key_value_heads", None) is not None:
        now["num_key_value_heads"] = heads
    before = {name: getattr(config, name) for name in now if hasattr(config, name)}
    config.update(now)
    try:
        config.validate()
    except Exception:  # noqa: BLE001 - each family's config raises what it likes
        for name in now.keys() - before.keys():
            delattr(config, name)
        config.update(before)
