"""Folders of text as batches, and every way in which they can be wrong."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets import read_batches

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


def texts_of(data: Path, model: Path, samples: int = 100, batch_size: int = 8) -> list[list[int]]:
    """Return the token ids of every sample, without padding."""
    batches = read_batches(data, modality="text", model_dir=model, samples=samples, batch_size=batch_size)
    return [
        ids[mask.bool()].tolist()
        for batch in batches
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]


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
