"""What is fetched of a reference to data."""

from pathlib import Path

import pytest
from fetched import fill, found_below

from jobs.adapters.data import READABLE, fetch_data
from jobs.adapters.sources import Sources
from jobs.contract.errors import DataNotFoundError
from jobs.contract.uris import parse_uri
from jobs.datasets import audio, images, tables, text


def test_data_folder_brings_only_what_can_be_read(sources: Sources, tmp_path: Path) -> None:
    """From a data folder come recordings, text and images, sub-folders kept, and no pickles."""
    data = {"a/1.wav": b"RIFF", "b.FLAC": b"fLaC", "t.jsonl": b"{}", "m.csv": b"x", "p.JPG": b"x"}
    fill(sources, "models", "d/", {**data, "cache.pkl": b"\x80", ".hidden.txt": b"x", "run.sh": b"x"})

    fetch_data(parse_uri("s3://models/d"), tmp_path, sources=sources)

    assert found_below(tmp_path) == data


def test_what_can_be_read_is_what_is_fetched() -> None:
    """Fetching and reading agree on the kinds of data files."""
    assert audio.ENDINGS | images.ENDINGS | {text.LINES, *tables.READERS} == READABLE


def test_one_data_file_is_enough(sources: Sources, tmp_path: Path) -> None:
    """A data reference may name one file, which arrives under its own name."""
    fill(sources, "models", "d/", {"sentences.txt": b"hello\n", "sentences.txt.bak": b"old"})

    fetched = fetch_data(parse_uri("s3://models/d/sentences.txt"), tmp_path, sources=sources)

    assert found_below(tmp_path) == {"sentences.txt": b"hello\n"}
    assert [each.path for each in fetched.files] == ["sentences.txt"]


@pytest.mark.parametrize(("name", "expected"), [("d", "no file that can be read.*notes.odt"), ("e", "does not exist")])
def test_unreadable_data_is_not_found(sources: Sources, tmp_path: Path, name: str, expected: str) -> None:
    """A folder with nothing readable, or nothing at all, is refused with what would be accepted."""
    fill(sources, "models", "d/", {"notes.odt": b"x"})

    with pytest.raises(DataNotFoundError, match=expected):
        fetch_data(parse_uri(f"s3://models/{name}"), tmp_path, sources=sources)
