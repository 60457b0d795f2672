"""Audio: recordings of any rate, through the model's own feature extractor."""

import json
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor
from transformers import (
    ASTFeatureExtractor,
    AutoFeatureExtractor,
    Wav2Vec2FeatureExtractor,
    WhisperFeatureExtractor,
)

from jobs.batches import Batch
from jobs.contract.errors import DataUnreadableError
from jobs.datasets.files import Placed, chunks, evenly, files_of
from jobs.datasets.resampling import resample

ENDINGS = frozenset({".wav", ".flac"})

MAX_SECONDS = 10.0
"""Longer recordings are cut to their beginning."""

GRAIN_SECONDS = 0.02
"""Labelled recordings end on a multiple of it, where lengths must be equal to go together: a frame of most models."""

LEAST_SECONDS = 0.025
"""Shorter ones give no frame at all."""

EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")

OF_ONE_LENGTH = (ASTFeatureExtractor, WhisperFeatureExtractor)
"""Feature extractors of spectrograms that are all of the same length, whatever the recording's."""

TAKE_SPECTROGRAMS = frozenset({"audio-spectrogram-transformer", "wav2vec2-bert", "whisper"})

SAMPLING_RATES_HZ = (1_000, 768_000)
"""What is believed of a file's header."""

FORMATS = frozenset({"WAV", "WAVEX", "RF64", "FLAC"})
"""What is decoded, whatever a file is called."""

MOST_CHANNELS = 32
"""Files with more are not decoded: small ones can claim a thousand, each as long as the recording."""


def read(folder: Path, model_dir: Path, samples: int, batch_size: int) -> list[Batch]:
    """Return batches of what the model's feature extractor gives, usually ``input_values`` (B, samples).

    An extractor that gives an ``attention_mask`` pads each batch to its longest recording; one of spectrograms of a
    fixed length pads all to that. The others belong to models that were trained without padding and would take it for
    sound: for them each batch is cut to its shortest.

    Raises:
        DataNotFoundError: no ``.wav`` or ``.flac`` files.
        DataUnreadableError: a recording or the feature extractor cannot be used.
    """
    extractor = _extractor(model_dir)
    paths = evenly(files_of(folder, ENDINGS), samples)
    waves = sorted((_wave(path, extractor.sampling_rate) for path in paths), key=len)
    return [_batch(extractor, chunk) for chunk in chunks(waves, batch_size)]


def place(paths: Sequence[Path], model_dir: Path, batch_size: int, *, whole: bool = False) -> list[Placed]:
    """Return batches of all the recordings at *paths*, and which of them each one holds.

    Nothing of a recording is lost to the others: where the model knows no padding, only those of about the same length
    go together, each cut to a multiple of ``GRAIN_SECONDS``.

    Args:
        paths: of the recordings.
        model_dir: holds the feature extractor.
        batch_size: recordings in one batch, at most.
        whole: a recording of more than ``MAX_SECONDS`` is refused, not cut.

    Raises:
        DataUnreadableError: a recording or the feature extractor cannot be used.
    """
    extractor = _extractor(model_dir)
    waves = [_wave(path, extractor.sampling_rate, whole=whole) for path in paths]
    if not _takes_padding(extractor):
        waves = [_in_grains(wave, extractor.sampling_rate) for wave in waves]
    by_length = sorted(range(len(waves)), key=lambda at: len(waves[at]))
    alike = [by_length] if _takes_padding(extractor) else _groups(by_length, lambda at: len(waves[at]))
    together = (chunk for group in alike for chunk in chunks(group, batch_size))
    return [Placed(chunk, _batch(extractor, [waves[at] for at in chunk])) for chunk in together]


def _groups(places: Sequence[int], length: Callable[[int], int]) -> list[list[int]]:
    return [list(group) for _, group in groupby(places, key=length)]


def _in_grains(wave: Tensor, rate: int) -> Tensor:
    grain = round(GRAIN_SECONDS * rate)
    return wave[: len(wave) // grain * grain] if len(wave) >= 2 * grain else wave


def _takes_padding(extractor: Any) -> bool:
    return bool(extractor.return_attention_mask) or isinstance(extractor, OF_ONE_LENGTH)


def _batch(extractor: Any, waves: list[Tensor]) -> Batch:
    if not _takes_padding(extractor):
        shortest = min(len(wave) for wave in waves)
        waves = [wave[:shortest] for wave in waves]
    arrays = [wave.numpy() for wave in waves]
    features = extractor(
        arrays,
        sampling_rate=extractor.sampling_rate,
        padding="max_length" if isinstance(extractor, OF_ONE_LENGTH) else True,
        return_attention_mask=extractor.return_attention_mask,
        return_tensors="pt",
    )
    return dict(features)


def _extractor(model_dir: Path) -> Any:
    """Return the model's feature extractor; where its folder has none, that of the wav2vec 2.0 family at 16 kHz.

    MelHuBERT takes waveforms as they were recorded, and has a mask.

    Raises:
        DataUnreadableError: it cannot be loaded, or the model takes spectrograms and nothing says how they are made.
    """
    if not any((model_dir / name).is_file() for name in EXTRACTOR_FILES):
        model_type = _model_type(model_dir)
        if model_type in TAKE_SPECTROGRAMS:
            raise DataUnreadableError(
                f"Expected {EXTRACTOR_FILES[0]} beside the weights, since a {model_type} takes spectrograms; found "
                "none. Add it, or leave the data out."
            )
        as_recorded = model_type == "melhubert"
        return Wav2Vec2FeatureExtractor(do_normalize=not as_recorded, return_attention_mask=as_recorded)
    try:
        extractor = AutoFeatureExtractor.from_pretrained(model_dir, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataUnreadableError(f"The model's feature extractor cannot be loaded: {error}") from error
    _believable(extractor.sampling_rate, "the model's feature extractor")
    return extractor


def _model_type(model_dir: Path) -> str:
    config = model_dir / "config.json"
    fields = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    return str(fields.get("base_model_type") or fields.get("model_type"))


def _wave(path: Path, rate: int, *, whole: bool = False) -> Tensor:
    """Return the beginning of a recording, or all of it, as one channel (T,) at *rate* Hz."""
    try:
        with soundfile.SoundFile(path) as file:
            own_rate = _believable(file.samplerate, path.name)
            _decodable(file, path.name)
            if whole and file.frames > MAX_SECONDS * own_rate:
                raise DataUnreadableError(
                    f"Expected recordings of at most {MAX_SECONDS:g} seconds, since a label is of a whole one; "
                    f"{path.name} has {file.frames / own_rate:.1f}. Cut it in two, or remove it."
                )
            frames: np.ndarray[Any, Any] = file.read(int(MAX_SECONDS * own_rate), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise DataUnreadableError(f"Expected a recording in {path.name}; it cannot be decoded: {error}") from error
    if len(frames) < LEAST_SECONDS * own_rate or not np.isfinite(frames).all():
        raise DataUnreadableError(
            f"Expected at least {LEAST_SECONDS} seconds of finite samples in {path.name}; got {len(frames)} frames "
            f"at {own_rate} Hz. Remove the file."
        )
    return resample(torch.from_numpy(frames).mean(dim=1), own_rate, rate)


def _decodable(file: soundfile.SoundFile, name: str) -> None:
    if file.format not in FORMATS or file.channels > MOST_CHANNELS:
        raise DataUnreadableError(
            f"Expected wav or flac of at most {MOST_CHANNELS} channels; {name} is {file.format} of {file.channels}. "
            "Convert it, or remove it."
        )


def _believable(rate: Any, where: str) -> int:
    least, most = SAMPLING_RATES_HZ
    if not isinstance(rate, int) or not least <= rate <= most:
        raise DataUnreadableError(f"Expected a sampling rate from {least} to {most} Hz in {where}; got {rate}.")
    return rate
