"""Folders of text and audio as batches, and every way in which they can be wrong."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets import read_batches
from jobs.datasets.files import spread
from jobs.datasets.resampling import resample

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three", "four", "five", "six"]
CLS, SEP, ONE, TWO = 2, 3, 5, 6


@pytest.fixture
def text_model(tmp_path: Path) -> Path:
    """Return the folder of a text model: its config and its tokenizer."""
    folder = tmp_path / "model"
    folder.mkdir()
    config = {"model_type": "bert", "vocab_size": len(WORDS), "max_position_embeddings": 32, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return folder


@pytest.fixture
def audio_model(tmp_path: Path) -> Path:
    """Return the folder of an audio model without a feature extractor of its own."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "hubert"}))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return an empty folder for data."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def texts_of(data: Path, model: Path, samples: int = 100, batch_size: int = 8) -> list[list[int]]:
    """Return the token ids of every sample, without padding."""
    batches = read_batches(data, modality="text", model_dir=model, samples=samples, batch_size=batch_size)
    return [
        ids[mask.bool()].tolist()
        for batch in batches
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]


def record(path: Path, seconds: float, rate: int = 16_000, channels: int = 1, frequency: float = 440) -> None:
    """Write a tone."""
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * math.pi * frequency * time)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)


# --- text


def test_lines_become_padded_batches_in_order_of_length(data: Path, text_model: Path) -> None:
    """Blank lines are skipped; the shortest texts come first, padded to the longest of their batch."""
    (data / "a.txt").write_text("one two three\n\none\n   \ntwo two\n")

    batches = list(read_batches(data, modality="text", model_dir=text_model, samples=10, batch_size=2))

    assert [batch["input_ids"].shape for batch in batches] == [(2, 4), (1, 5)]
    assert batches[0]["input_ids"].tolist() == [[CLS, ONE, SEP, 0], [CLS, TWO, TWO, SEP]]
    assert batches[0]["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"id": 3, "title": "two", "text": "one"}\n\n{"id": "4", "title": "two"}\n'),
        ("a.jsonl", '"one"\n"two"\n'),
        ("a.csv", 'score,text\n3,"one"\n4,two\n'),
        ("a.tsv", "score\tfirst\n3.5\tone\n4\ttwo\n"),
        ("a.TXT", "\ufeffone\r\ntwo\r\n"),
    ],
)
def test_every_form_of_text(data: Path, text_model: Path, name: str, content: str) -> None:
    """The field `text` is read where there is one, else the first that holds words."""
    (data / name).write_text(content)

    assert texts_of(data, text_model) == [[CLS, ONE, SEP], [CLS, TWO, SEP]]


def test_a_quote_in_a_tab_separated_file_is_a_character(data: Path, text_model: Path) -> None:
    """A quote that is never closed does not swallow the lines after it."""
    (data / "a.tsv").write_text('sentence\n"one\ntwo\n')

    assert len(texts_of(data, text_model)) == 2


def test_long_texts_are_cut_to_what_the_model_takes(data: Path, text_model: Path) -> None:
    """A text longer than the model's positions is cut, its end mark kept."""
    (data / "a.txt").write_text("one " * 100)

    (ids,) = texts_of(data, text_model)

    assert len(ids) == 32
    assert ids[-1] == SEP


def test_labels_and_hidden_files_are_not_data(data: Path, text_model: Path) -> None:
    """`metadata.csv` and files that begin with a dot are passed over, at any depth."""
    (data / "part").mkdir()
    (data / "part" / "a.txt").write_text("one")
    (data / "metadata.csv").write_text("text\ntwo")
    (data / ".cache").mkdir()
    (data / ".cache" / "b.txt").write_text("three")

    assert texts_of(data, text_model) == [[CLS, ONE, SEP]]


def test_one_file_is_data_too(data: Path, text_model: Path) -> None:
    """A reference may name a file instead of a folder."""
    (data / "a.txt").write_text("one")

    assert texts_of(data / "a.txt", text_model) == [[CLS, ONE, SEP]]


def test_samples_come_evenly_and_repeatably_from_all_files(data: Path, text_model: Path) -> None:
    """Two samples of two files are one of each, the same every time."""
    (data / "a.txt").write_text("one\n" * 50)
    (data / "b.txt").write_text("two\n" * 50)

    first = texts_of(data, text_model, samples=2)

    assert first == [[CLS, ONE, SEP], [CLS, TWO, SEP]]
    assert first == texts_of(data, text_model, samples=2)


def test_a_compressed_models_folder_reads_like_its_familys(data: Path, text_model: Path) -> None:
    """A config that stock transformers refuses on purpose still leads to the tokenizer beside it."""
    (data / "a.txt").write_text("one")
    config = json.loads((text_model / "config.json").read_text())
    locked = {**config, "model_type": "modelpress", "base_model_type": "bert", "dtype": "open with ModelPress"}
    (text_model / "config.json").write_text(json.dumps(locked))

    assert texts_of(data, text_model) == [[CLS, ONE, SEP]]


def test_a_missing_tokenizer_is_named(data: Path, text_model: Path) -> None:
    """Without a tokenizer the message says which files are looked for, instead of reading everything as unknown."""
    (data / "a.txt").write_text("one")
    (text_model / "vocab.txt").unlink()

    with pytest.raises(DataUnreadableError, match=r"tokenizer.*tokenizer\.json.*found none"):
        texts_of(data, text_model)


def test_a_broken_tokenizer_is_told(data: Path, text_model: Path) -> None:
    """A tokenizer that cannot be parsed is the request's fault, not ours."""
    (data / "a.txt").write_text("one")
    (text_model / "tokenizer.json").write_text("{")

    with pytest.raises(DataUnreadableError, match="tokenizer cannot be loaded"):
        texts_of(data, text_model)


def test_a_foreign_tokenizer_is_told(data: Path, text_model: Path) -> None:
    """Ids beyond the model's vocabulary are caught before they crash an embedding."""
    (data / "a.txt").write_text("six")
    config = json.loads((text_model / "config.json").read_text())
    (text_model / "config.json").write_text(json.dumps({**config, "vocab_size": 8}))

    with pytest.raises(DataUnreadableError, match=r"below 8.*gave 10"):
        texts_of(data, text_model)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "one"}\n{"text": \n', r"line 2 of a\.jsonl"),
        ("a.jsonl", b'{"text": 3}\n', r"any text in line 1 of a\.jsonl"),
        ("a.csv", b"score\n3\n", r"any text in line 2 of a\.csv"),
        ("a.csv", b"text\n" + b"x" * 200_000, r"a\.csv.*field larger"),
        ("a.txt", b"caf\xe9\n", r"UTF-8 text in a\.txt"),
    ],
)
def test_unreadable_text_is_named(data: Path, text_model: Path, name: str, content: bytes, message: str) -> None:
    """What cannot be read is named by file and line."""
    (data / name).write_bytes(content)

    with pytest.raises(DataUnreadableError, match=message):
        texts_of(data, text_model)


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.tsv"])
def test_a_line_without_end_is_not_read_to_its_end(data: Path, text_model: Path, name: str) -> None:
    """A file that is one giant line is refused after its first million characters."""
    with (data / name).open("wb") as file:
        file.write(b"text\n" if name.endswith("sv") else b"")
        file.write(b'"' + b"x" * 2_000_000)

    with pytest.raises(DataUnreadableError, match=rf"line \d of {name} is longer"):
        texts_of(data, text_model)


@pytest.mark.parametrize("line", ["[" * 100_000, "1" * 5000])
def test_a_line_that_no_reader_takes_is_named(data: Path, text_model: Path, line: str) -> None:
    """JSON that is nested too deeply, or a number too long, is the data's fault."""
    (data / "a.jsonl").write_text(f'"one"\n{line}\n')

    with pytest.raises(DataUnreadableError, match=r"line 2 of a\.jsonl"):
        texts_of(data, text_model)


def test_a_folder_without_text_says_what_was_looked_for(data: Path, text_model: Path) -> None:
    """Nothing readable is an error that lists the endings and shows what is there."""
    (data / "a.parquet").write_text("")

    with pytest.raises(DataNotFoundError, match=r"\.csv, \.jsonl, \.tsv, \.txt; the data holds a\.parquet"):
        texts_of(data, text_model)


def test_empty_files_hold_no_text(data: Path, text_model: Path) -> None:
    """Files without a single word are as good as none."""
    (data / "a.txt").write_text("\n \n")

    with pytest.raises(DataNotFoundError, match="every file of the data is empty"):
        texts_of(data, text_model)


def test_text_of_which_the_tokenizer_leaves_nothing_is_no_text(data: Path, text_model: Path) -> None:
    """A line without a single token is left out, and data without any other is told."""
    inner = Tokenizer(models.WordLevel({"the": 0}))
    inner.normalizer = normalizers.Replace("unheard", "")
    PreTrainedTokenizerFast(tokenizer_object=inner).save_pretrained(text_model)
    (data / "a.txt").write_text("unheard\nthe\n")

    assert texts_of(data, text_model) == [[0]]
    (data / "a.txt").write_text("unheard\n")
    with pytest.raises(DataNotFoundError, match="leaves nothing of any line"):
        texts_of(data, text_model)


@pytest.mark.parametrize("known", [{}, {"eos_token": "</s>"}])
def test_a_tokenizer_without_padding_pads_with_what_it_has(data: Path, text_model: Path, known: dict) -> None:
    """The mask leaves padding out, so any token will do where the tokenizer names none."""
    words = {"the": 0, "cat": 1, "</s>": 2}
    inner = Tokenizer(models.WordLevel(words))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=inner, **known).save_pretrained(text_model)
    (data / "a.txt").write_text("the cat the\ncat\n")

    assert texts_of(data, text_model) == [[1], [0, 1, 0]]


# --- audio


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


def test_images_are_refused(data: Path, audio_model: Path) -> None:
    """Data for an image model is not read, and the message says so."""
    with pytest.raises(DataUnreadableError, match="got one that takes images"):
        read_batches(data, modality="image", model_dir=audio_model, samples=10)


# --- sampling and resampling


@pytest.mark.parametrize("total", [0, 3, 4, 5, 7, 8, 9, 100, 1001])
def test_a_spread_is_even_and_in_order(total: int) -> None:
    """Up to four of any number of items come back, in order, from the whole range."""
    chosen = spread(range(total), 4)

    assert len(chosen) == min(total, 4)
    assert chosen == sorted(set(chosen))
    assert not chosen or chosen[-1] >= total // 2


def sine(frequency: float, rate: int, seconds: float = 0.5) -> torch.Tensor:
    """Return a tone."""
    return torch.sin(2 * math.pi * frequency * torch.arange(int(rate * seconds), dtype=torch.float64) / rate).float()


@pytest.mark.parametrize(
    ("old", "new", "frequency"),
    [
        (8_000, 16_000, 440),
        (8_000, 16_000, 3_300),
        (44_100, 16_000, 6_700),
        (48_000, 16_000, 1_000),
        (22_050, 16_000, 5_000),
        (11_025, 16_000, 1_000),
        (16_000, 8_000, 1_000),
    ],
)
def test_a_resampled_tone_is_the_same_tone(old: int, new: int, frequency: float) -> None:
    """Away from its ends, a tone below 85 % of the lower band comes out within 1e-4 of the exact one."""
    found, exact = resample(sine(frequency, old), old, new), sine(frequency, new)

    assert len(found) == math.ceil(old * 0.5 * new / old)
    middle = slice(400, min(len(found), len(exact)) - 400)
    assert float((found[middle] - exact[middle]).abs().max()) < 1e-4


@pytest.mark.parametrize("frequency", [8_300, 10_000, 20_000])
def test_what_the_new_rate_cannot_hold_is_gone(frequency: float) -> None:
    """A tone above the new band leaves less than 1e-4 behind instead of another tone."""
    found = resample(sine(frequency, 48_000), 48_000, 16_000)

    assert float(found[400:-400].abs().max()) < 1e-4


def test_an_equal_rate_changes_nothing() -> None:
    """At the same rate the very same samples come back."""
    wave = sine(440, 16_000)

    assert torch.equal(resample(wave, 16_000, 16_000), wave)
