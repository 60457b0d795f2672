"""What a model can take: how long, how large, and batches of it that are made up."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch

from jobs.batches import Batch, Modality
from jobs.contract.errors import InvalidRequestError
from jobs.contract.spec import InputSpec
from jobs.utterances import SAMPLING_RATE, inputs_within

FRAMES_PER_SECOND = 100
"""Rows per second of a log-mel spectrogram (10 ms each)."""

FRAMES_STACKED = 2
"""Rows that a model of stacked ones takes at once."""

TYPICAL_TOKENS = 128
TYPICAL_SECONDS = 10.0

_OFFSET_POSITIONS = frozenset(
    {
        "camembert",
        "data2vec-text",
        "esm",
        "markuplm",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
    }
)
"""Families that number positions from ``pad_token_id + 1``, so that their tables hold fewer usable ones."""

_ANY_SIZE = frozenset({"dinov2", "dinov2_with_registers", "dinov3_vit"})
"""Vision families that interpolate their positions to the image's size."""


def typical_input(modality: Modality, config: Any) -> InputSpec:
    """Return one usual input of a model: 128 tokens, 10 s, or an image of its own size; batch 1.

    A model that takes only shorter inputs gets its longest.
    """
    if modality == "text":
        return InputSpec("text", tokens=min(TYPICAL_TOKENS, longest_text(config)))
    if modality == "audio":
        return InputSpec("audio", seconds=min(TYPICAL_SECONDS, longest_audio(config)))
    return InputSpec("image", pixels=max(_image_size(config)))


def settled_input(modality: Modality, config: Any, spec: InputSpec) -> InputSpec:
    """Return *spec* with the typical length where it states none, and with the whole length of a set of utterances.

    Raises:
        InvalidRequestError: the kind is not the model's, or the model cannot take that length.
    """
    if spec.kind != modality:
        raise InvalidRequestError(f"Expected inputs of kind {modality!r}, as the model takes; got {spec.kind!r}.")
    if spec.preset is not None:
        within = [settled_input(modality, config, each) for each in inputs_within(spec)]
        return replace(spec, seconds=sum(each.seconds or 0 for each in within))
    typical = typical_input(modality, config)
    settled = replace(
        spec,
        tokens=spec.tokens or typical.tokens,
        seconds=spec.seconds or typical.seconds,
        pixels=spec.pixels or typical.pixels,
    )
    _CHECKS[modality](config, settled)
    return settled


def synthetic_batch(modality: Modality, config: Any, spec: InputSpec, *, seed: int = 0) -> Batch:
    """Return a random batch of the size that *spec* says, the same for the same *seed*, on the CPU.

    Text gives ``input_ids`` (B, T) without special tokens and an ``attention_mask`` of ones; audio gives
    ``input_values`` (B, 16000 × seconds) of white noise, or for a model that takes spectrograms ``input_values``
    (B, T, M), (B, M, T) or ``input_features`` (B, T, M), as it has them; images give ``pixel_values`` (B, C, H, W) of
    white noise, and the ``noise`` (B, P) that decides which patches a model leaves out.

    Raises:
        InvalidRequestError: the model cannot take such an input.
    """
    settled = settled_input(modality, config, spec)
    generator = torch.Generator().manual_seed(seed)
    return _MAKERS[modality](config, settled, generator)


def synthetic_batches(modality: Modality, config: Any, spec: InputSpec, *, seed: int = 0) -> tuple[Batch, ...]:
    """Return a random batch for each utterance of the set that *spec* names, or for *spec* itself.

    Raises:
        InvalidRequestError: the model cannot take one of them.
    """
    return tuple(synthetic_batch(modality, config, each, seed=seed) for each in inputs_within(spec))


def longest_text(config: Any) -> int:
    """Return how many tokens a text model can take; a very large number where positions are relative."""
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if positions is None or positions < 1:
        return 1 << 30
    offset = (config.pad_token_id or 0) + 1 if getattr(config, "model_type", "") in _OFFSET_POSITIONS else 0
    return int(positions) - offset


def longest_audio(config: Any) -> float:
    """Return how many seconds of audio a model can take; infinity where there is no bound."""
    match getattr(config, "model_type", ""):
        case "audio-spectrogram-transformer":
            return float(config.max_length / FRAMES_PER_SECOND)
        case "whisper":  # a convolution in front takes every other row
            return float(2 * config.max_source_positions / FRAMES_PER_SECOND)
    return float("inf")


def takes_images_of(config: Any, height: int, width: int) -> bool:
    """Return whether a vision model can take images of that size."""
    return getattr(config, "model_type", "") in _ANY_SIZE or _image_size(config) == (height, width)


def masking_noise(config: Any, images: int, size: Sequence[int], generator: torch.Generator) -> Batch:
    """Return the ``noise`` (B, P) by which a masked autoencoder leaves patches out, for *images* of *size* (H, W).

    Left to itself it would draw other patches each time. Other models are given none.
    """
    if getattr(config, "model_type", "") != "vit_mae":
        return {}
    patches = prod(each // config.patch_size for each in size)
    return {"noise": torch.rand((images, patches), generator=generator)}


def _text(config: Any, spec: InputSpec, generator: torch.Generator) -> Batch:
    special = [value for name, value in vars(config).items() if name.endswith("_token_id")]
    plain = torch.ones(config.vocab_size, dtype=torch.bool)
    plain[[value for value in special if isinstance(value, int) and 0 <= value < config.vocab_size]] = False
    ids = plain.nonzero().squeeze(1)
    chosen = torch.randint(len(ids), (spec.batch_size, spec.tokens or 0), generator=generator)
    return {"input_ids": ids[chosen], "attention_mask": torch.ones_like(chosen)}


def _audio(config: Any, spec: InputSpec, generator: torch.Generator) -> Batch:
    seconds = spec.seconds or 0
    name, shape = "input_values", [round(seconds * SAMPLING_RATE)]
    match getattr(config, "model_type", ""):
        case "audio-spectrogram-transformer":  # padded to its one length, whatever the audio's
            shape = [config.max_length, config.num_mel_bins]
        case "whisper":  # likewise
            name, shape = "input_features", [config.num_mel_bins, 2 * config.max_source_positions]
        case "wav2vec2-bert":
            frames = round(seconds * FRAMES_PER_SECOND / FRAMES_STACKED)
            name, shape = "input_features", [frames, config.feature_projection_input_dim]
    return {name: torch.randn((spec.batch_size, *shape), generator=generator)}


def _image(config: Any, spec: InputSpec, generator: torch.Generator) -> Batch:
    own, side = _image_size(config), spec.pixels or 0
    size = own if side == max(own) else (side, side)
    pixels = torch.randn((spec.batch_size, config.num_channels, *size), generator=generator)
    return {"pixel_values": pixels, **masking_noise(config, spec.batch_size, size, generator)}


_MAKERS = {"text": _text, "audio": _audio, "image": _image}


def _check_text(config: Any, spec: InputSpec) -> None:
    longest = longest_text(config)
    if (spec.tokens or 0) > longest:
        raise InvalidRequestError(f"Expected at most {longest} tokens, the model's positions; got {spec.tokens}.")


def _check_audio(config: Any, spec: InputSpec) -> None:
    shortest, longest = _shortest_samples(config) / SAMPLING_RATE, longest_audio(config)
    if not shortest <= (spec.seconds or 0) <= longest:
        raise InvalidRequestError(
            f"Expected at least {shortest:g} and at most {longest:g} seconds for this model; got {spec.seconds}."
        )


def _check_image(config: Any, spec: InputSpec) -> None:
    size, patch = max(_image_size(config)), getattr(config, "patch_size", 1)
    if getattr(config, "model_type", "") not in _ANY_SIZE and spec.pixels != size:
        raise InvalidRequestError(f"Expected images of {size} pixels, the only size of this model; got {spec.pixels}.")
    if isinstance(patch, int) and (spec.pixels or 0) < patch:
        raise InvalidRequestError(f"Expected images of at least one patch, {patch} pixels; got {spec.pixels}.")


_CHECKS = {"text": _check_text, "audio": _check_audio, "image": _check_image}


def _shortest_samples(config: Any) -> int:
    """Return the receptive field of what lies in front of the layers: fewer samples give no frame at all."""
    if getattr(config, "model_type", "") == "wav2vec2-bert":
        return SAMPLING_RATE * FRAMES_STACKED // FRAMES_PER_SECOND
    kernels, strides = getattr(config, "conv_kernel", ()), getattr(config, "conv_stride", ())
    return 1 + sum(int((kernel - 1) * prod(strides[:index])) for index, kernel in enumerate(kernels))


def _image_size(config: Any) -> tuple[int, int]:
    size = config.image_size
    return (size, size) if isinstance(size, int) else (size[0], size[1])
