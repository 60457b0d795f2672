"""How much is fetched at most, and which names of files."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fetched import MODEL, fill, found_below

from jobs.adapters.folders import Entry
from jobs.adapters.models import fetch
from jobs.adapters.sources import Sources
from jobs.adapters.transfer import Limits, fetch_files, listing
from jobs.contract.errors import LimitExceededError, ModelNotFoundError, StorageError
from jobs.contract.uris import parse_uri
from jobs.state.objects import Stored


def test_too_many_bytes_are_refused_before_any_download(sources: Sources, tmp_path: Path) -> None:
    """What exceeds the limit is refused by its listed sizes; nothing is downloaded."""
    fill(sources, "models", "m/", MODEL)
    narrow = replace(sources, limits=Limits(max_bytes=sum(map(len, MODEL.values())) - 1))

    with pytest.raises(LimitExceededError, match="at most"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=narrow)

    assert found_below(tmp_path) == {}


def test_bytes_that_stay_do_not_count(sources: Sources, tmp_path: Path) -> None:
    """The limit is on what is fetched: a large pickle beside the weights costs nothing."""
    fill(sources, "models", "m/", {**MODEL, "pytorch_model.bin": b"x" * 1000})
    exact = replace(sources, limits=Limits(max_bytes=sum(map(len, MODEL.values()))))

    fetch(parse_uri("s3://models/m"), tmp_path, sources=exact)

    assert found_below(tmp_path) == MODEL


def test_too_many_files_are_refused(sources: Sources, tmp_path: Path) -> None:
    """A reference to a whole bucket of files is refused, however small they are."""
    fill(sources, "models", "m/", MODEL)
    narrow = replace(sources, limits=Limits(max_files=len(MODEL) - 1))

    with pytest.raises(LimitExceededError, match="more than 3 files"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=narrow)


@pytest.mark.parametrize(
    "path",
    ["../out.json", "a/../../out.json", "/out.json", "a//out.json", "a\\..\\out.json", "./out.json", "a\nb.json"],
)
def test_paths_that_lead_elsewhere_are_refused(sources: Sources, tmp_path: Path, path: str) -> None:
    """A key that is no plain relative path stops the fetch before anything is written."""
    fill(sources, "models", "m/", {**MODEL, path: b"{}"})

    with pytest.raises(ModelNotFoundError, match="no plain relative path"):
        fetch(parse_uri("s3://models/m"), tmp_path / "into", sources=sources)

    assert found_below(tmp_path) == {}


def test_file_and_folder_of_one_name_are_refused(sources: Sources, tmp_path: Path) -> None:
    """A bucket may hold ``a`` beside ``a/b``; a disk may not."""
    fill(sources, "models", "m/", {**MODEL, "extra": b"1", "extra/vocab.txt": b"2"})

    with pytest.raises(ModelNotFoundError, match="both as a file and as a folder"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)


def test_folder_markers_are_no_files(sources: Sources, tmp_path: Path) -> None:
    """The empty keys that browsers of buckets leave for folders are passed over."""
    fill(sources, "models", "m/", {**MODEL, "": b"", "inner/": b""})

    fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)

    assert found_below(tmp_path) == MODEL


def test_names_with_any_letters_arrive(sources: Sources, tmp_path: Path) -> None:
    """Names with spaces and letters of any script are kept."""
    files = {**MODEL, "größe/語彙 1.txt": b"x"}
    fill(sources, "models", "m/", files)

    fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)

    assert found_below(tmp_path) == files


class OneFile:
    """A folder with one file whose download does what the test says."""

    name, revision = "s3://models/m", None

    def __init__(self, save: Callable[[Path], Stored]) -> None:
        self._save = save

    def entries(self) -> list[Entry]:
        """Return the one file."""
        return [Entry("model.safetensors", 4)]

    def save(self, entry: Entry, target: Path) -> Stored:
        """Do what the test says."""
        return self._save(target)


def test_file_that_changed_since_the_listing_is_refused(tmp_path: Path) -> None:
    """A file of another size than listed is not taken for the model."""
    folder = OneFile(lambda target: Stored(target.write_bytes(b"123"), "0" * 64))

    with pytest.raises(StorageError, match="changed on the way"):
        fetch_files(folder, folder.entries(), tmp_path, Limits())


def test_listing_stops_at_the_limit() -> None:
    """Of an endless folder no more is listed than tells that it is too large."""
    folder = OneFile(lambda target: Stored(0, ""))
    folder.entries = lambda: (Entry(str(number), 0) for number in itertools.count())

    with pytest.raises(LimitExceededError, match="more than 10 files"):
        listing(folder, Limits(max_files=10), ModelNotFoundError)
