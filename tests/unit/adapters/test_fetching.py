"""What is fetched for a model, from buckets and uploads, and what is refused before."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from fetched import MODEL, REFUSED, UPLOAD, fill, found_below

from jobs.adapters.data import fetch_data
from jobs.adapters.memory import MemoryStore
from jobs.adapters.models import fetch
from jobs.adapters.settings import SourceSettings
from jobs.adapters.sources import Sources
from jobs.contract.errors import DataNotFoundError, InvalidUriError, ModelNotFoundError, UnsafeFormatError
from jobs.contract.uris import parse_uri


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


@pytest.mark.parametrize("whose", ["buckets", "tenant_buckets"])
def test_bucket_must_be_allowed(sources: Sources, tmp_path: Path, whose: str) -> None:
    """Only buckets that match a pattern of the settings, and one of the tenant's, are opened."""
    fill(sources, "models", "m/", MODEL)
    narrow = replace(sources, **{whose: ("team-*", "models-?")})

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


@pytest.mark.parametrize("ending", ["bin", "pt", "pth", "ckpt", "pkl", "pickle", "BIN"])
def test_only_pickles_are_refused_with_a_way_out(sources: Sources, tmp_path: Path, ending: str) -> None:
    """A checkpoint that exists only as pickles is refused, and the message says how to convert it."""
    fill(sources, "models", "m/", {"config.json": b"{}", f"pytorch_model.{ending}": b"\x80"})

    with pytest.raises(UnsafeFormatError, match=rf"pytorch_model\.{ending}.*save_pretrained"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)

    assert found_below(tmp_path) == {}


@pytest.mark.parametrize("archive", ["model.zip", "model.tar.gz", "model.tgz", "model.npz", "model.safetensors.zip"])
def test_archives_stay_where_they_are(sources: Sources, tmp_path: Path, archive: str) -> None:
    """Neither a model nor data is looked for in an archive, which is not even fetched."""
    fill(sources, "models", "m/", {"config.json": b"{}", archive: b"PK"})

    with pytest.raises(ModelNotFoundError, match="no safetensors"):
        fetch(parse_uri("s3://models/m"), tmp_path, sources=sources)
    with pytest.raises(DataNotFoundError, match="no file that can be read"):
        fetch_data(parse_uri(f"s3://models/m/{archive}"), tmp_path, sources=sources)
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
