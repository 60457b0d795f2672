"""What is read below the configured root, and what leads out of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from fetched import MODEL, REFUSED, found_below, write

from jobs.adapters.data import fetch_data
from jobs.adapters.models import fetch
from jobs.adapters.sources import Sources
from jobs.contract.errors import DataNotFoundError, InvalidUriError, ModelNotFoundError
from jobs.contract.uris import parse_uri


def test_local_files_are_off_unless_a_root_is_set(sources: Sources, tmp_path: Path) -> None:
    """Without a configured root no local file is read."""
    write(tmp_path / "m", MODEL)

    with pytest.raises(InvalidUriError, match="reads no local files"):
        fetch(parse_uri(f"file://{tmp_path}/m"), tmp_path / "into", sources=sources)


def test_local_model_comes_from_below_the_root(sources: Sources, tmp_path: Path) -> None:
    """A local reference is relative to the root; links within the root are followed to their files."""
    root = tmp_path / "root"
    write(root / "m", {**MODEL, **REFUSED})
    (root / "m" / "merges.txt").symlink_to(root / "m" / "vocab.txt")

    fetch(parse_uri("file://m"), tmp_path / "into", sources=replace(sources, file_root=root))

    assert found_below(tmp_path / "into") == {**MODEL, "merges.txt": MODEL["vocab.txt"]}


def test_links_in_a_circle_lead_nowhere(sources: Sources, tmp_path: Path) -> None:
    """A link that leads to itself is a file that does not exist."""
    write(tmp_path / "root" / "m", MODEL)
    (tmp_path / "root" / "m" / "merges.txt").symlink_to(tmp_path / "root" / "m" / "merges.txt")

    with pytest.raises(ModelNotFoundError, match="does not exist"):
        fetch(parse_uri("file://m"), tmp_path / "into", sources=replace(sources, file_root=tmp_path / "root"))


@pytest.mark.parametrize("link", ["m", "m/vocab.txt"])
def test_links_out_of_the_root_are_refused(sources: Sources, tmp_path: Path, link: str) -> None:
    """Neither a linked folder nor a linked file may lead out of the root."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(outside, MODEL)
    write(root / "other", MODEL)
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(outside if link == "m" else outside / "vocab.txt")

    with pytest.raises(ModelNotFoundError, match="leads out of the folder"):
        fetch(parse_uri("file://m"), tmp_path / "into", sources=replace(sources, file_root=root))


def test_local_data_file_and_missing_folder(sources: Sources, tmp_path: Path) -> None:
    """One local data file is read; a path that is not there is not found."""
    write(tmp_path / "root", {"t.txt": b"hello\n"})
    local = replace(sources, file_root=tmp_path / "root")

    fetch_data(parse_uri("file://t.txt"), tmp_path / "into", sources=local)

    assert found_below(tmp_path / "into") == {"t.txt": b"hello\n"}
    with pytest.raises(DataNotFoundError, match="does not exist"):
        fetch_data(parse_uri("file://elsewhere"), tmp_path / "into", sources=local)
