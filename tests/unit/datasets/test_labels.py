"""Labelled folders, and every way in which they can be wrong."""

import json
from pathlib import Path

import pytest
import soundfile
import torch
from transformers import BertTokenizer, Wav2Vec2FeatureExtractor

from jobs.batches import Modality
from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets.files import spread
from jobs.datasets.labels import Table, placed, read_table


def recordings(folder: Path, *lengths: int, rate: int = 16_000) -> list[Path]:
    """Write recordings of these lengths and return their paths."""
    paths = [folder / f"{place}.wav" for place in range(len(lengths))]
    for place, (path, length) in enumerate(zip(paths, lengths, strict=True)):
        noise = torch.randn(length, generator=torch.Generator().manual_seed(place)) / 10
        soundfile.write(path, noise.numpy(), rate)
    return paths


def table_of(
    folder: Path, *lines: str, name: str = "metadata.csv", modality: Modality = "audio", samples: int = 99
) -> Table:
    """Write a table of *lines* and return what is read of it."""
    (folder / name).write_text("\n".join(lines) + "\n")
    return read_table(folder, modality, samples)


def test_a_table_beside_recordings_names_them_and_their_labels(data: Path) -> None:
    """As in an audiofolder: each row names a file, and every other column is a label."""
    first, second = recordings(data, 900, 900)
    table = table_of(data, "file_name,digit,speaker", "1.wav,7,anna", "0.wav,3,bert")

    assert table.items("digit") == (second, first)
    assert table.column("speaker") == ["anna", "bert"]
    assert table.numbers("digit") == [7, 3]


def test_json_lines_name_files_below_their_folder(data: Path) -> None:
    """A metadata.jsonl further down is read as well, its files beside it; labels may be numbers or words."""
    inner = data / "train"
    inner.mkdir()
    [path] = recordings(inner, 900)
    table = table_of(inner, json.dumps({"file_name": "0.wav", "age": 31, "known": True}), name="metadata.jsonl")

    assert read_table(data, "audio", 9).items("age") == (path,) == table.items("age")
    assert (table.column("age"), table.column("known"), table.numbers("age")) == (["31"], ["True"], [31])


def test_texts_stand_in_their_tables(data: Path) -> None:
    """The text is that of the column text, or else of the first that holds any and is not the label."""
    table = table_of(data, "score\tmood\tsentence", "4.5\tglad\tA fine day.", name="a.tsv", modality="text")

    assert table.items("mood") == ("A fine day.",)
    assert table.items("score") == ("glad",)
    assert table.numbers("score") == [4.5]


def test_samples_are_spread_evenly(data: Path) -> None:
    """Of a long table a part is used, from its beginning to its end."""
    lines = [json.dumps({"text": f"t{place}", "label": str(place)}) for place in range(100)]
    found = table_of(data, *lines, name="a.jsonl", modality="text", samples=4).column("label")

    assert found == [str(each) for each in spread(range(100), 4)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["file_name,digit", "9.wav,1"], "'9.wav' beside its table; line 2 of metadata.csv names it and it is not"),
        (["file_name,digit", "../0.wav,1"], "'../0.wav' beside its table"),
        (["name,digit", "0.wav,1"], "a file_name in line 2 of metadata.csv; it has name, digit"),
        (["file_name,digit"], "rows in metadata.csv; it has none"),
    ],
)
def test_rows_without_their_file_are_refused(data: Path, lines: list[str], said: str) -> None:
    """A file that is not there, or elsewhere, or not named, is said with the line of the table."""
    recordings(data, 900)
    recordings(data.parent, 900)

    with pytest.raises((DataUnreadableError, DataNotFoundError), match=said):
        table_of(data, *lines)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("digits", "a column 'digits' in line 2 of metadata.csv; it has file_name, digit, note"),
        ("note", "a note in line 2 of metadata.csv; got ''. Fill it in, or remove the row"),
        ("digit", "a number as the digit in line 2 of metadata.csv; got 'seven'"),
    ],
)
def test_labels_that_are_not_there_are_refused(data: Path, column: str, said: str) -> None:
    """An unknown column, an empty cell and a word where a number should be are said with the line and what it has."""
    recordings(data, 900)
    table = table_of(data, "file_name,digit,note", "0.wav,seven,")

    with pytest.raises(DataUnreadableError, match=said):
        table.numbers(column)


@pytest.mark.parametrize(("modality", "said"), [("audio", "a metadata.csv or metadata.jsonl"), ("text", "tsv files")])
def test_a_folder_without_a_table_is_refused(data: Path, modality: Modality, said: str) -> None:
    """The message says which table was looked for, and what there is."""
    recordings(data, 900)

    with pytest.raises(DataNotFoundError, match=rf"{said}.* the data holds 0.wav"):
        read_table(data, modality, 9)


def test_a_record_that_is_no_object_is_refused(data: Path) -> None:
    """A line of JSON that names no columns is said with its place."""
    with pytest.raises(DataUnreadableError, match=r"columns in line 1 of a.jsonl; got 'plain'"):
        table_of(data, '"plain"', name="a.jsonl", modality="text")


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """Return the folder of a speech model whose extractor knows no padding."""
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=False).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_recordings_lose_nothing_to_each_other(data: Path, model_dir: Path) -> None:
    """Where padding would be taken for sound, only recordings of the same frames go together, all of each."""
    paths = recordings(data, 3210, 800, 3330, 5000)
    batches = placed(paths, modality="audio", model_dir=model_dir)

    assert [(list(each.places), tuple(each.batch["input_values"].shape)) for each in batches] == [
        ([1], (1, 640)),
        ([0, 2], (2, 3200)),
        ([3], (1, 4800)),
    ]


def test_where_padding_is_known_recordings_are_whole(data: Path, model_dir: Path) -> None:
    """With a mask recordings of any lengths go together."""
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True).save_pretrained(model_dir)
    [batch] = placed(recordings(data, 3210, 801), modality="audio", model_dir=model_dir)

    assert list(batch.places) == [1, 0]
    assert batch.batch["attention_mask"].sum(dim=1).tolist() == [801, 3210]


def test_a_label_of_a_whole_recording_needs_it_whole(data: Path, model_dir: Path) -> None:
    """A recording that would be cut is refused where its label is of all of it, and cut where it need not be."""
    paths = recordings(data, 8100 * 10, rate=8000)

    with pytest.raises(DataUnreadableError, match=r"at most 10 seconds, .* 0.wav has 10.1"):
        placed(paths, modality="audio", model_dir=model_dir, whole=True)
    assert placed(paths, modality="audio", model_dir=model_dir)[0].batch["input_values"].shape == (1, 160_000)


def test_texts_keep_their_places(data: Path, tmp_path: Path) -> None:
    """Texts are sorted by length into batches that say which texts they hold; one without tokens is refused."""
    folder = tmp_path / "bert"
    BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "one": 4}).save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": 5}))
    [batch] = placed(["one one one", "one"], modality="text", model_dir=folder)

    assert list(batch.places) == [1, 0]
    assert batch.batch["attention_mask"].sum(dim=1).tolist() == [3, 5]
