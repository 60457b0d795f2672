"""Two-layer models of every family, made in code: no download, random weights, real structure.

Sizes: width 32, 4 heads of 8, 64 feed-forward units, 2 layers (or as asked). Biases are not zero, as in trained models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

from jobs.batches import ListBatches
from jobs.checkpoint import modelpress_melhubert

WIDTH, HEADS, UNITS, LAYERS = 32, 4, 64, 2
TOKENS, SAMPLES, PIXELS, PATCH, MEL_FRAMES, MEL_BINS = 12, 400, 16, 4, 32, 16
LONGER = 3440  # samples: twenty frames of 25 ms, every 10 ms

_SIZES: Mapping[str, Any] = {"hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": UNITS}
_TEXT = {**_SIZES, "vocab_size": 97, "max_position_embeddings": 40}
_SPEECH = {**_SIZES, "conv_dim": (16, 16), "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_feat_extract_layers": 2}
_POSITIONS = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
_SPEECH |= {**_POSITIONS, "vocab_size": 20}
_DISENTANGLED = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "share_att_key": True}
_DISENTANGLED |= {"position_buckets": 8, "norm_rel_ebd": "layer_norm"}
_SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
_LLAMA = {**_TEXT, **_SPECIAL, "num_attention_heads": 2 * HEADS, "num_key_value_heads": HEADS, "head_dim": 8}
_LLAMAS = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gemma": "Gemma"}
_WHISPER = {"d_model": WIDTH, "encoder_attention_heads": HEADS, "encoder_ffn_dim": UNITS, "num_mel_bins": MEL_BINS}
_WHISPER |= {"max_source_positions": MEL_FRAMES // 2, "max_target_positions": 20, "decoder_layers": 1, **_SPECIAL}
_WHISPER |= {"decoder_attention_heads": 2, "decoder_ffn_dim": 32, "vocab_size": 97, "decoder_start_token_id": 1}
_MAE = {"decoder_intermediate_size": 32, "decoder_num_hidden_layers": 1, "mask_ratio": 0.5}
_T5 = {"d_model": WIDTH, "num_heads": HEADS, "d_kv": 8, "d_ff": UNITS, "vocab_size": 97}
_T5 |= {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20}
_VISION = {**_SIZES, "image_size": PIXELS, "patch_size": PATCH}


@dataclass(frozen=True, slots=True)
class Tiny:
    """How to make one family's tiny model."""

    model_type: str
    prefix: str
    config: Mapping[str, Any]
    depth: str = "num_hidden_layers"
    base: str = "Model"


FAMILIES: Mapping[str, Tiny] = {
    each.model_type: each
    for each in (
        Tiny("bert", "Bert", _TEXT),
        Tiny("roberta", "Roberta", _TEXT),
        Tiny("xlm-roberta", "XLMRoberta", _TEXT),
        Tiny("electra", "Electra", {**_TEXT, "embedding_size": 16}),
        Tiny(
            "distilbert",
            "DistilBert",
            {"dim": WIDTH, "n_heads": HEADS, "hidden_dim": UNITS, "vocab_size": 97, "max_position_embeddings": 40},
            depth="n_layers",
        ),
        Tiny("hubert", "Hubert", _SPEECH),
        Tiny("wav2vec2", "Wav2Vec2", _SPEECH),
        Tiny("data2vec-audio", "Data2VecAudio", {**_SPEECH, "num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3}),
        Tiny("unispeech-sat", "UniSpeechSat", _SPEECH),
        Tiny("vit", "ViT", _VISION),
        Tiny("deit", "DeiT", _VISION),
        Tiny("dinov2", "Dinov2", {**_VISION, "mlp_ratio": UNITS // WIDTH}),
        Tiny("mpnet", "MPNet", _TEXT),
        Tiny("deberta-v2", "DebertaV2", {**_TEXT, **_DISENTANGLED}),
        Tiny("wavlm", "WavLM", {**_SPEECH, "num_buckets": 32, "max_bucket_distance": 30}),
        Tiny("beit", "Beit", {**_VISION, "use_relative_position_bias": True, "layer_scale_init_value": 0.5}),
        Tiny(
            "data2vec-vision",
            "Data2VecVision",
            {**_VISION, "use_relative_position_bias": True, "layer_scale_init_value": 0.5},
        ),
        Tiny("t5", "T5", _T5, depth="num_layers", base="EncoderModel"),
        Tiny("mt5", "MT5", _T5, depth="num_layers", base="EncoderModel"),
        Tiny("melhubert", "MelHubert", {**_SIZES, **_POSITIONS, "num_mel_bins": MEL_BINS, "num_clusters": 20}),
        Tiny("audio-spectrogram-transformer", "AST", {**_SIZES, "num_mel_bins": MEL_BINS, "max_length": MEL_FRAMES}),
        Tiny("vit_mae", "ViTMAE", {**_VISION, "decoder_hidden_size": 16, "decoder_num_attention_heads": 2, **_MAE}),
        Tiny("albert", "Albert", {**_TEXT, "embedding_size": 16}),
        Tiny("modernbert", "ModernBert", {**_TEXT, **_SPECIAL, "local_attention": 6}),
        Tiny(
            "gpt2",
            "GPT2",
            {"n_embd": WIDTH, "n_head": HEADS, "n_inner": UNITS, "n_positions": 40, "vocab_size": 97, **_SPECIAL},
            depth="n_layer",
        ),
        Tiny("opt", "OPT", {**_SIZES, **_SPECIAL, "vocab_size": 97, "max_position_embeddings": 40, "ffn_dim": UNITS}),
        *(Tiny(name, prefix, _LLAMA) for name, prefix in _LLAMAS.items()),
        Tiny("whisper", "Whisper", _WHISPER, depth="encoder_layers"),
        Tiny("wav2vec2-bert", "Wav2Vec2Bert", {**_SIZES, "feature_projection_input_dim": MEL_BINS, "vocab_size": 20}),
    )
}
"""Every family by its ``model_type``."""

_ENCODER_DECODER = {**_SPECIAL, "d_model": WIDTH, "encoder_attention_heads": HEADS, "encoder_ffn_dim": UNITS}
_ENCODER_DECODER |= {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32}
_ENCODER_DECODER |= {"vocab_size": 97, "max_position_embeddings": 40}

DISCOVERED: Mapping[str, Tiny] = {
    each.model_type: each
    for each in (
        Tiny("esm", "Esm", {**_TEXT, **_SPECIAL, "mask_token_id": 4, "position_embedding_type": "rotary"}),
        Tiny("clip_vision_model", "CLIPVision", _VISION),
        Tiny("unispeech", "UniSpeech", _SPEECH),
        Tiny("camembert", "Camembert", _TEXT),
        Tiny("rembert", "RemBert", {**_TEXT, "input_embedding_size": 16}),
        Tiny("eurobert", "EuroBert", _LLAMA),
        Tiny("dinov2_with_registers", "Dinov2WithRegisters", {**_VISION, "mlp_ratio": UNITS // WIDTH}),
        Tiny("internvl_vision", "InternVLVision", {**_VISION, "image_size": [PIXELS] * 2, "patch_size": [PATCH] * 2}),
        Tiny("bart", "Bart", _ENCODER_DECODER, depth="encoder_layers"),
    )
}
"""Architectures that are in no table, by their ``model_type``."""

REPRESENTATIVES = ("bert", "hubert", "vit")
"""One text, one audio, one vision family."""


def tiny(
    model_type: str, *, head: str = "Model", layers: int = LAYERS, seed: int = 0, **config: Any
) -> PreTrainedModel:
    """Return a tiny model of the family, in evaluation mode, the same for the same seed.

    Args:
        model_type: a key of ``FAMILIES`` or of ``DISCOVERED``.
        head: ``Model``, or a task head such as ``ForSequenceClassification``.
        layers: depth.
        seed: of the weights.
        **config: further config fields.
    """
    family = {**FAMILIES, **DISCOVERED}[model_type]
    sizes = {**family.config, family.depth: layers, **config}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        name = family.prefix + (family.base if head == "Model" else head)
        model = _class(name)(_class(f"{family.prefix}Config")(**sizes))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)  # random weights are too tame to tell cuts apart
    return model.eval()


def tiny_batch(model_type: str, *, size: int = 2, seed: int = 0, padded: bool = False) -> dict[str, torch.Tensor]:
    """Return a batch for the family's tiny model; with *padded* the last row is half padding (text and waveforms)."""
    generator = torch.Generator().manual_seed(seed)
    batch = _MAKERS[_KINDS.get(model_type, "text")](size, generator)
    if padded:
        name, values = next(iter(batch.items()))
        mask = torch.ones(values.shape[:2], dtype=torch.long)
        mask[-1, values.shape[1] // 2 :] = 0
        batch = {name: values * mask, "attention_mask": mask}
    return batch


def tiny_batches(model_type: str, count: int = 3, *, padded: bool = False) -> ListBatches:
    """Return *count* different batches."""
    return ListBatches([tiny_batch(model_type, seed=seed, padded=padded) for seed in range(count)])


def _class(name: str) -> Any:
    return getattr(transformers, name, None) or getattr(modelpress_melhubert, name)


def _tokens(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.randint(5, 97, (size, TOKENS), generator=generator)}


def _waveform(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"input_values": torch.randn(size, SAMPLES, generator=generator)}


def _recording(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"input_values": torch.randn(size, LONGER, generator=generator) / 10}


def _pixels(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.randn(size, 3, PIXELS, PIXELS, generator=generator)}


def _spectrogram(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"input_values": torch.randn(size, MEL_FRAMES, MEL_BINS, generator=generator)}


def _masked_pixels(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {**_pixels(size, generator), "noise": torch.rand(size, (PIXELS // PATCH) ** 2, generator=generator)}


def _mel_by_time(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"input_features": torch.randn(size, MEL_BINS, MEL_FRAMES, generator=generator)}


def _time_by_mel(size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {"input_features": torch.randn(size, MEL_FRAMES, MEL_BINS, generator=generator)}


_MAKERS: Mapping[str, Callable[[int, torch.Generator], dict[str, torch.Tensor]]] = {
    "text": _tokens,
    "waveform": _waveform,
    "recording": _recording,
    "image": _pixels,
    "spectrogram": _spectrogram,
    "vit_mae": _masked_pixels,
    "whisper": _mel_by_time,
    "wav2vec2-bert": _time_by_mel,
}
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("hubert", "wav2vec2", "data2vec-audio", "unispeech", "unispeech-sat", "wavlm"), "waveform"),
    "melhubert": "recording",
    **dict.fromkeys(("clip_vision_model", "dinov2_with_registers", "internvl_vision"), "image"),
    **dict.fromkeys(("vit", "deit", "dinov2", "beit", "data2vec-vision"), "image"),
    "audio-spectrogram-transformer": "spectrogram",
    **{name: name for name in ("vit_mae", "whisper", "wav2vec2-bert")},
}
