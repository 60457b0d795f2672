"""Which of transformers' architectures, of those in no table, are found and proven, and which are refused, and why."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from jobs.compression.anatomy import anatomy_of
from jobs.contract.errors import UnsupportedModelError

Config = Mapping[str, Any]
_SIZES: Config = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "num_hidden_layers": 2}
_TEXT: Config = {**_SIZES, "vocab_size": 97, "max_position_embeddings": 40, "pad_token_id": 0}
_IMAGE: Config = {**_SIZES, "image_size": 16, "patch_size": 4}
_SPEECH: Config = {
    **_SIZES,
    "conv_dim": (16, 16),
    "conv_kernel": (10, 3),
    "conv_stride": (5, 2),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": 20,
}
_CAUSAL: Config = {**_TEXT, "num_key_value_heads": 2, "head_dim": 8}
_BESIDE_A_DECODER: Config = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 64,
    "vocab_size": 97,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
_XGLM: Config = {"d_model": 32, "ffn_dim": 64, "num_layers": 2, "attention_heads": 4, "vocab_size": 97}
_GPT_NEO: Config = {
    "hidden_size": 32,
    "num_layers": 2,
    "num_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 97,
    "max_position_embeddings": 40,
    "attention_types": [[["global", "local"], 1]],
}
FOUND: Mapping[str, Config] = {
    **dict.fromkeys(("RobertaPreLayerNorm", "Data2VecText", "Ernie", "Splinter", "LayoutLM", "RoFormer"), _TEXT),
    **dict.fromkeys(("MegatronBert", "MarkupLM", "VisualBert", "NomicBert", "JinaEmbeddingsV3", "BioGpt"), _TEXT),
    **dict.fromkeys(("CLIPText", "BertGeneration"), _TEXT),
    **dict.fromkeys(("Starcoder2", "Olmo", "Granite", "SmolLM3"), _CAUSAL),
    **dict.fromkeys(("SiglipVision", "ChineseCLIPVision", "IJepa", "ViTMSN", "PixtralVision", "Aimv2Vision"), _IMAGE),
    **dict.fromkeys(("MBart", "Pegasus", "Marian", "M2M100"), _BESIDE_A_DECODER),
    "Yolos": {**_IMAGE, "image_size": [16, 16], "num_detection_tokens": 3},
    "XGLM": {**_XGLM, "max_position_embeddings": 40},
    "GPTNeo": _GPT_NEO,
}
"""Transformers that need no row: class and config. Those of ``tests.tiny.DISCOVERED`` are found too."""

REFUSED: Mapping[str, tuple[str, Config, str]] = {
    "no attention": ("FNet", _TEXT, r"query, key and value.* none found among intermediate\.dense \(32 to 64\)"),
    "attention that is approximated": ("Nystromformer", _TEXT, r"one softmax attention.* none found among"),
    "fused maps, heads in turn": ("Bloom", {"hidden_size": 32, "n_head": 4, "n_layer": 2, "vocab_size": 97}, r"96\)"),
    "fused gate": ("ModernBertDecoder", _TEXT, r"one feed-forward pair.* none found among mlp\.Wi \(32 to 128\)"),
    "bottlenecks": ("MobileBert", {**_TEXT, "embedding_size": 16}, r"one softmax attention.*bottleneck"),
    "adapters": ("Xmod", {**_TEXT, "languages": ["en"], "default_language": "en"}, r"and output\.adapter_modules\.en"),
    "further queries": ("Luke", {**_TEXT, "entity_vocab_size": 9}, r"further matrices.*w2e_query"),
    "two pairs": ("Wav2Vec2Conformer", _SPEECH, r"ffn1\.intermediate_dense with .* and ffn2\.intermediate_dense with"),
    "blocks side by side": ("Phi", _TEXT, r"one after the other, was looked for"),
    "norms behind blocks": ("Gemma2", {**_TEXT, "head_dim": 8}, r"neither does it add both"),
    "one norm for all heads": ("Olmo2", _TEXT, r"heads that know nothing of each other.*q_proj"),
    "layers at another length": ("SEW", _SPEECH, r"they work on \d+ positions, and the model gives \(2, \d+, 32\)"),
    "several widths": ("Pvt", {"image_size": 32}, r"no attribute 'hidden_size'"),
    "films": ("Timesformer", _IMAGE, r"tried on two short inputs of image, and cannot be: not enough values"),
    "two inputs": ("Siglip2Vision", _IMAGE, r"missing 2 required positional arguments"),
}
"""Transformers of other kinds: class, config, and words of the message."""


def tiny(prefix: str, config: Config) -> PreTrainedModel:
    """Return a model of that class, with weights drawn the same each time."""
    torch.manual_seed(0)
    built: PreTrainedModel = _class(prefix)(getattr(transformers, f"{prefix}Config")(**config))
    return built.eval()


def _class(prefix: str) -> Any:
    return getattr(transformers, f"{prefix}Model", None) or getattr(transformers, f"{prefix}Encoder")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FOUND))
def test_standard_blocks_are_found(name: str) -> None:
    """Heads of eight and 64 units are found and proven in each layer."""
    model = tiny(name, FOUND[name])

    anatomy = anatomy_of(model)

    assert anatomy.family.discovered
    layers = anatomy.layers(model)
    assert {(each.attention.head_dim, each.feed_forward.units) for each in layers} == {(8, 64)}
    assert {each.attention.heads * each.attention.group for each in layers} == {4}


@pytest.mark.parametrize("name", list(REFUSED))
def test_other_kinds_are_refused_with_what_was_looked_for(name: str) -> None:
    """The message names the model type, what was looked for and what was found."""
    prefix, config, words = REFUSED[name]
    model = tiny(prefix, config)

    with pytest.raises(
        UnsupportedModelError, match=rf"(?s)one feed-forward pair; got '{model.config.model_type}': .*{words}"
    ):
        anatomy_of(model)
