"""What is fetched for a model or for data, from buckets, uploads and local folders, and what is refused before."""

import hashlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.adapters.data import READABLE, fetch_data
from jobs.adapters.folders import Entry
from jobs.adapters.memory import MemoryStore
from jobs.adapters.models import fetch
from jobs.adapters.settings import SourceSettings
from jobs.adapters.sources import Sources
from jobs.adapters.transfer import Limits, fetch_files, listing
from jobs.contract.errors import (
    DataNotFoundError,
    InvalidUriError,
    LimitExceededError,
    ModelNotFoundError,
    StorageError,
    UnsafeFormatError,
)
from jobs.contract.uris import parse_uri
from jobs.datasets import audio, text
from jobs.state.objects import Stored

UPLOAD = "upl_01JZZZZZZZZZZZZZZZZZZZZZZZ"
MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"[]", "vocab.txt": b"a\nb\n"}
REFUSED = {
    "pytorch_model.bin": b"pickle",
    "onnx/model.onnx": b"graph",
    "modeling_tiny.py": b"import os",
    ".gitattributes": b"hidden",
    ".cache/config.json": b"hidden",
    "README.md": b"card",
}


@pytest.fixture
def sources() -> Sources:
    """Return sources whose store has an empty bucket ``models``, and one complete upload."""

    def upload_prefix(upload_id: str) -> str:
        if upload_id != UPLOAD:
            raise ModelNotFoundError(f"No complete upload {upload_id}.")
        return f"tenants/t1/uploads/{upload_id}/files"

    store = MemoryStore("own")
    store.in_bucket("models").ensure_bucket()
    return Sources(store, upload_prefix)


def fill(sources: Sources, bucket: str, prefix: str, files: Mapping[str, bytes]) -> None:
    """Put *files* below *prefix* of a bucket in memory."""
    store = sources.store.in_bucket(bucket)
    for path, content in files.items():
        store.put(prefix + path, content)


def found_below(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder* by its path."""
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("prefix", ["", "hubert-base/", "a/b/"])
def test_model_comes_whole_and_nothing_else(sources: Sources, tmp_path: Path, prefix: str) -> None:
    """Weights, configuration and tokenizer come; pickles, graphs, scripts and hidden files stay."""
    fill(sources, "models", prefix, {**MODEL, **REFUSED, "1_Pooling/config.json": b"{}"})

    fetched = fetch(parse_uri(f"s3://models/{prefix}"), tmp_path, sources=sources)

    assert found_below(tmp_path) == {**MODEL, "1_Pooling/config.json": b"{}"}
    assert {each.path for each in fetched.files} == set(found_below(tmp_path))


def test_neighbour_with_a_longer_name_stays(sources: Sources, tmp_path: Path) -> None:
    """A reference names a folder, not every key that begins like it."""
    fill(sources, "models", "bert/", MODEL)
    fill(sources, "models", "bert-large/", {"extra.json": b"{}"})

    fetch(parse_uri("s3://models/bert"), tmp_path, sources=sources)

    assert found_below(tmp_path) == MODEL


def test_hash_of_the_source_is_what_coreutils_print(sources: Sources, tmp_path: Path) -> None:
    """The source's hash is the SHA-256 of the ``sha256sum`` lines, so that anyone can check it."""
    fill(sources, "models", "m/", MODEL)

    fetched = fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)

    lines = "".join(f"{hashlib.sha256(MODEL[path]).hexdigest()}  {path}\n" for path in sorted(MODEL))
    assert fetched.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_hash_of_the_source_depends_on_names_too(sources: Sources, tmp_path: Path) -> None:
    """Two files that swap their contents make another source."""
    fill(sources, "models", "a/", MODEL)
    fill(sources, "models", "b/", {**MODEL, "tokenizer.json": MODEL["vocab.txt"], "vocab.txt": MODEL["tokenizer.json"]})

    hashes = {fetch(parse_uri(f"s3://models/{x}"), tmp_path / x, sources=sources).sha256 for x in "ab"}

    assert len(hashes) == 2


def test_upload_is_read_from_the_callers_own_prefix(sources: Sources, tmp_path: Path) -> None:
    """An upload's files lie where its owner's uploads lie."""
    fill(sources, "own", f"tenants/t1/uploads/{UPLOAD}/files/", MODEL)

    fetched = fetch(parse_uri(f"upload://{UPLOAD}"), tmp_path, sources=sources)

    assert found_below(tmp_path) == MODEL
    assert fetched.uri == f"upload://{UPLOAD}"


def test_foreign_or_open_upload_is_not_found(sources: Sources, tmp_path: Path) -> None:
    """An upload that is not the caller's, or not complete, does not exist for them."""
    foreign = parse_uri("upload://upl_01JAAAAAAAAAAAAAAAAAAAAAAA")

    with pytest.raises(ModelNotFoundError, match="No complete upload"):
        fetch(foreign, tmp_path, sources=sources)
    with pytest.raises(DataNotFoundError, match="No complete upload"):
        fetch_data(foreign, tmp_path, sources=sources)


def test_own_bucket_is_never_a_source(sources: Sources, tmp_path: Path) -> None:
    """The bucket that holds every tenant's files cannot be named by a reference."""
    fill(sources, "own", "tenants/t2/jobs/j/attempts/1/files/", MODEL)

    with pytest.raises(InvalidUriError, match="does not read from bucket 'own'"):
        fetch(parse_uri("s3://own/tenants/t2/jobs/j/attempts/1/files"), tmp_path, sources=sources)


def test_bucket_must_be_allowed(sources: Sources, tmp_path: Path) -> None:
    """Only buckets that match a pattern of the settings are opened."""
    fill(sources, "models", "m/", MODEL)
    narrow = replace(sources, buckets=("team-*", "models-?"))

    with pytest.raises(InvalidUriError, match="team-"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=narrow)


def test_missing_bucket_is_named(sources: Sources, tmp_path: Path) -> None:
    """A bucket that does not exist is named in the message."""
    with pytest.raises(ModelNotFoundError, match="s3://elsewhere/m"):
        fetch(parse_uri("s3://elsewhere/m"), tmp_path, sources=sources)


def test_empty_prefix_is_not_found(sources: Sources, tmp_path: Path) -> None:
    """A prefix without objects is no model."""
    with pytest.raises(ModelNotFoundError, match="empty or does not exist"):
        fetch(parse_uri("s3://models/nothing"), tmp_path, sources=sources)


def test_folder_without_config_says_what_is_there(sources: Sources, tmp_path: Path) -> None:
    """A folder without config.json is refused with the names of what it holds."""
    fill(sources, "models", "m/", {"model.safetensors": b"w", "inner/config.json": b"{}"})

    with pytest.raises(ModelNotFoundError, match=r"no config\.json.*found inner/config\.json, model\.safetensors"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)


def test_only_pickles_are_refused_with_a_way_out(sources: Sources, tmp_path: Path) -> None:
    """A checkpoint that exists only as pickles is refused, and the message says how to convert it."""
    fill(sources, "models", "m/", {"config.json": b"{}", "pytorch_model.bin": b"\x80"})

    with pytest.raises(UnsafeFormatError, match=r"pytorch_model\.bin.*save_pretrained"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)

    assert found_below(tmp_path) == {}


def test_folder_without_weights_is_no_model(sources: Sources, tmp_path: Path) -> None:
    """A folder with configuration only is not found, rather than loaded with random weights."""
    fill(sources, "models", "m/", {"config.json": b"{}"})

    with pytest.raises(ModelNotFoundError, match="no safetensors"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)


def test_folder_of_models_is_no_model(sources: Sources, tmp_path: Path) -> None:
    """Where several models lie below the reference, the message asks for one of them."""
    fill(sources, "models", "a/", MODEL)
    fill(sources, "models", "b/", MODEL)

    with pytest.raises(ModelNotFoundError, match=r"a/config\.json.*Name the folder that holds them"):
        fetch(parse_uri("s3://models"), tmp_path, sources=sources)


def test_one_file_is_no_model(sources: Sources, tmp_path: Path) -> None:
    """A reference to the weights alone is refused: the configuration beside them is needed."""
    fill(sources, "models", "m/", MODEL)

    with pytest.raises(ModelNotFoundError, match=r"no config\.json"):
        fetch(parse_uri("s3://models/m/model.safetensors"), tmp_path, sources=sources)


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


def test_data_folder_brings_only_what_can_be_read(sources: Sources, tmp_path: Path) -> None:
    """From a data folder come audio and text, sub-folders kept, and no pickles."""
    data = {"a/1.wav": b"RIFF", "b.FLAC": b"fLaC", "t.jsonl": b"{}", "m.csv": b"x"}
    fill(sources, "models", "d/", {**data, "cache.pkl": b"\x80", ".hidden.txt": b"x", "run.sh": b"x"})

    fetch_data(parse_uri("s3://models/d"), tmp_path, sources=sources)

    assert found_below(tmp_path) == data


def test_what_can_be_read_is_what_is_fetched() -> None:
    """Fetching and reading agree on the kinds of data files."""
    assert audio.ENDINGS | set(text._READERS) == READABLE


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


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write *files* below *folder*."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


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


def test_settings_become_sources() -> None:
    """What the environment says is what a job may read."""
    environ = {"MODELPRESS_SOURCE_BUCKETS": "models,team-*", "MODELPRESS_FILE_ROOT": "/models"}
    settings = SourceSettings.from_env({**environ, "MODELPRESS_HUB_TOKEN": "secret"})

    sources = Sources.from_settings(settings, MemoryStore(), str)

    assert (sources.buckets, sources.file_root) == (("models", "team-*"), Path("/models"))
    assert sources.hub.endpoint == "https://huggingface.co"
    assert "secret" not in repr(settings) + repr(sources)


def test_hub_can_be_switched_off() -> None:
    """The word ``off`` leaves the service without a hub."""
    settings = SourceSettings.from_env({"MODELPRESS_HUB_ENDPOINT": "off"})

    assert Sources.from_settings(settings, MemoryStore(), str).hub.endpoint == ""
