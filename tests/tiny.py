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
_VISION = {**_SIZES, "image_size": PIXELS, "patch_size": PATCH}


@dataclass(frozen=True, slots=True)
class Tiny:
    """How to make one family's tiny model."""

    model_type: str
    prefix: str
    config: Mapping[str, Any]
    depth: str = "num_hidden_layers"


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
        Tiny("melhubert", "MelHubert", {**_SIZES, **_POSITIONS, "num_mel_bins": MEL_BINS, "num_clusters": 20}),
        Tiny("audio-spectrogram-transformer", "AST", {**_SIZES, "num_mel_bins": MEL_BINS, "max_length": MEL_FRAMES}),
    )
}
"""Every family by its ``model_type``."""

REPRESENTATIVES = ("bert", "hubert", "vit")
"""One text, one audio, one vision family."""


def tiny(
    model_type: str, *, head: str = "Model", layers: int = LAYERS, seed: int = 0, **config: Any
) -> PreTrainedModel:
    """Return a tiny model of the family, in evaluation mode, the same for the same seed.

    Args:
        model_type: a key of ``FAMILIES``.
        head: ``Model``, or a task head such as ``ForSequenceClassification``.
        layers: depth.
        seed: of the weights.
        **config: further config fields.
    """
    family = FAMILIES[model_type]
    sizes = {**family.config, family.depth: layers, **config}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = _class(family.prefix + head)(_class(f"{family.prefix}Config")(**sizes))
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


_MAKERS: Mapping[str, Callable[[int, torch.Generator], dict[str, torch.Tensor]]] = {
    "text": _tokens,
    "waveform": _waveform,
    "recording": _recording,
    "image": _pixels,
    "spectrogram": _spectrogram,
}
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("hubert", "wav2vec2", "data2vec-audio", "unispeech-sat"), "waveform"),
    "melhubert": "recording",
    **dict.fromkeys(("vit", "deit", "dinov2"), "image"),
    "audio-spectrogram-transformer": "spectrogram",
}
