"""Folders of recordings as batches, and every way in which they can be wrong."""

import contextlib
import json
import math
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np
import pytest
import soundfile
from transformers import SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets import read_batches


@pytest.fixture
def audio_model(tmp_path: Path) -> Path:
    """Return the folder of an audio model without a feature extractor of its own."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "hubert"}))
    return folder


def record(path: Path, seconds: float, rate: int = 16_000, channels: int = 1, frequency: float = 440) -> None:
    """Write a tone."""
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * math.pi * frequency * time)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)


def test_without_a_mask_each_batch_is_cut_to_its_shortest(data: Path, audio_model: Path) -> None:
    """A model that knows no mask never sees padding; recordings of similar length share a batch."""
    for name, seconds in (("a.wav", 0.5), ("b.flac", 0.2), ("c.wav", 0.25), ("d.wav", 0.4)):
        record(data / name, seconds)

    batches = list(read_batches(data, modality="audio", model_dir=audio_model, samples=10, batch_size=2))

    assert [set(batch) for batch in batches] == [{"input_values"}, {"input_values"}]
    assert [batch["input_values"].shape for batch in batches] == [(2, 3200), (2, 6400)]


def test_with_a_mask_each_batch_is_padded_to_its_longest(data: Path, audio_model: Path) -> None:
    """A feature extractor that asks for a mask gets one, and zeros behind short recordings."""
    extractor = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "return_attention_mask": True}
    (audio_model / "preprocessor_config.json").write_text(json.dumps(extractor))
    record(data / "a.wav", 0.2)
    record(data / "b.wav", 0.3)

    (batch,) = read_batches(data, modality="audio", model_dir=audio_model, samples=10)

    assert batch["input_values"].shape == (2, 4800)
    assert batch["attention_mask"].sum(dim=1).tolist() == [3200, 4800]
    assert not batch["input_values"][0, 3200:].any()


def test_a_spectrogram_of_one_length_is_padded_to_it(data: Path, audio_model: Path) -> None:
    """Recordings of any length become log-mel spectrograms (B, M, T) of the extractor's own."""
    WhisperFeatureExtractor(feature_size=8, chunk_length=2).save_pretrained(audio_model)
    record(data / "a.wav", 0.2)
    record(data / "b.wav", 0.3)

    (batch,) = read_batches(data, modality="audio", model_dir=audio_model, samples=10)

    assert {name: tuple(value.shape) for name, value in batch.items()} == {"input_features": (2, 8, 200)}


def test_stacked_spectrograms_have_a_mask(data: Path, audio_model: Path) -> None:
    """Two rows of 10 ms at a time become one of twice the width; the mask counts those."""
    SeamlessM4TFeatureExtractor(num_mel_bins=8, feature_size=8).save_pretrained(audio_model)
    record(data / "a.wav", 0.2)
    record(data / "b.wav", 0.3)

    (batch,) = read_batches(data, modality="audio", model_dir=audio_model, samples=10)

    assert batch["input_features"].shape[::2] == (2, 16)
    assert batch["attention_mask"].shape == batch["input_features"].shape[:2]
    assert batch["attention_mask"].sum(dim=1).tolist() == [9, 14]


def test_spectrograms_are_not_guessed(data: Path, audio_model: Path) -> None:
    """A model that takes spectrograms needs the file that says how they are made."""
    (audio_model / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    record(data / "a.wav", 0.2)

    with pytest.raises(DataUnreadableError, match=r"preprocessor_config.* a whisper takes spectrograms"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


@pytest.mark.parametrize("normalise", [True, False])
def test_values_are_normalised_as_the_extractor_says(data: Path, audio_model: Path, normalise: bool) -> None:
    """With `do_normalize` a recording has unit variance, without it its own."""
    extractor = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": normalise}
    (audio_model / "preprocessor_config.json").write_text(json.dumps(extractor))
    record(data / "a.wav", 0.5)

    (batch,) = read_batches(data, modality="audio", model_dir=audio_model, samples=1)

    expected = 1.0 if normalise else 0.5 / math.sqrt(2)
    assert float(batch["input_values"].std()) == pytest.approx(expected, rel=1e-2)


def test_channels_are_mixed_and_rates_changed(data: Path, audio_model: Path) -> None:
    """A stereo recording at 8 kHz arrives as one channel at the model's rate; long ones are cut to 10 s."""
    record(data / "a.wav", 10.5, rate=8000, channels=2)

    (batch,) = read_batches(data, modality="audio", model_dir=audio_model, samples=1)

    assert batch["input_values"].shape == (1, 160_000)


def test_samples_are_spread_over_the_paths(data: Path, audio_model: Path) -> None:
    """Three of nine recordings are every third by path."""
    for index in range(9):
        record(data / f"{index}.wav", 0.1 + 0.01 * index)

    batches = read_batches(data, modality="audio", model_dir=audio_model, samples=3, batch_size=1)

    assert [batch["input_values"].shape[1] for batch in batches] == [1600, 2080, 2560]


def test_a_corrupt_recording_is_named(data: Path, audio_model: Path) -> None:
    """A file that is no audio is told by name."""
    record(data / "a.wav", 0.2)
    (data / "b.wav").write_bytes(b"RIFF but no more")

    with pytest.raises(DataUnreadableError, match=r"recording in b\.wav"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


@pytest.mark.parametrize("wave", [np.zeros(100), np.full(8000, np.nan)])
def test_a_recording_without_sound_is_named(data: Path, audio_model: Path, wave: np.ndarray) -> None:
    """Recordings shorter than a frame, or of no numbers, are told by name."""
    soundfile.write(data / "a.wav", wave, 16_000, subtype="FLOAT")

    with pytest.raises(DataUnreadableError, match=r"finite samples in a\.wav"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


def test_an_unbelievable_rate_is_named(data: Path, audio_model: Path) -> None:
    """A header that claims an absurd rate costs no memory."""
    soundfile.write(data / "a.wav", np.zeros(100), 100_000_000)

    with pytest.raises(DataUnreadableError, match=r"sampling rate.*a\.wav"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


def test_a_broken_feature_extractor_is_told(data: Path, audio_model: Path) -> None:
    """An extractor that cannot be parsed is the request's fault."""
    record(data / "a.wav", 0.2)
    (audio_model / "preprocessor_config.json").write_text("{")

    with pytest.raises(DataUnreadableError, match="feature extractor cannot be loaded"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


@pytest.mark.parametrize("rate", [0, -1, 10**9, "fast"])
def test_an_extractor_of_an_unbelievable_rate_is_told(data: Path, audio_model: Path, rate: object) -> None:
    """The model's own folder cannot make recordings grow without bounds."""
    record(data / "a.wav", 0.1)
    fields = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1, "sampling_rate": rate}
    (audio_model / "preprocessor_config.json").write_text(json.dumps(fields))

    with pytest.raises(DataUnreadableError, match="feature extractor"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=1)


def test_a_folder_without_audio_says_what_was_looked_for(data: Path, audio_model: Path) -> None:
    """An empty folder is an error that lists the endings."""
    with pytest.raises(DataNotFoundError, match=r"\.flac, \.wav; the data holds nothing"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


@pytest.mark.parametrize(("name", "options"), [("a.wav", {"format": "OGG"}), ("b.flac", {"format": "AIFF"})])
def test_only_known_recordings_are_decoded(data: Path, audio_model: Path, name: str, options: dict[str, str]) -> None:
    """A file of another format is refused by what it is, whatever it is called."""
    soundfile.write(data / name, np.zeros(16_000), 16_000, **options)

    with pytest.raises(DataUnreadableError, match=f"{name} is {options['format']}"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


def test_a_thousand_channels_are_not_decoded(data: Path, audio_model: Path) -> None:
    """A small file that claims more channels than anybody records costs no memory."""
    soundfile.write(data / "a.wav", np.zeros((10, 1000), dtype="int16"), 768_000)

    with pytest.raises(DataUnreadableError, match=r"at most 32 channels; a\.wav is WAV of 1000"):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)


@pytest.mark.parametrize("claimed", [2**36 - 1, 2**30])
def test_a_length_that_lies_costs_no_memory(data: Path, audio_model: Path, claimed: int) -> None:
    """A recording that claims to last for days is read to its end, which comes soon."""
    path = data / "a.flac"
    record(path, 0.2)
    content = bytearray(path.read_bytes())
    content[21:26] = (int.from_bytes(content[21:26]) & ~(2**36 - 1) | claimed).to_bytes(5)
    path.write_bytes(content)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(DataUnreadableError):
        read_batches(data, modality="audio", model_dir=audio_model, samples=10)

    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 64_000
