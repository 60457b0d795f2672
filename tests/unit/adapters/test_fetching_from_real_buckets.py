"""Fetching from a real object store: buckets, rights and uploads as they are there."""

from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from jobs.adapters.data import fetch_data
from jobs.adapters.models import fetch
from jobs.adapters.sources import Sources
from jobs.contract.errors import DataNotFoundError, ModelNotFoundError, StorageError
from jobs.contract.uris import parse_uri
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store
from jobs.state.uploads import Uploads

MODEL = {"config.json": b"{}", "model.safetensors": b"weights" * 1000, "größe.txt": b"", "1_Pooling/config.json": b"{}"}
TENANT = f"tenant-{uuid4().hex}"


@pytest.fixture
def models(store: S3Store) -> Iterator[S3Store]:
    """Return a bucket of models, emptied afterwards."""
    bucket = store.in_bucket(f"models-{uuid4().hex}")
    bucket.ensure_bucket()
    yield bucket
    for found in list(bucket.list("")):
        bucket.delete(found.key)


@pytest.fixture
def sources(store: S3Store) -> Sources:
    """Return what a job of the tenant may read."""
    return Sources(store, partial(Uploads(store).prefix, TENANT))


def found_below(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder* by its path."""
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def put_by_http(url: str, body: bytes) -> str:
    """Put *body* by plain HTTP and return its ETag."""
    split = urlsplit(url)
    connection = HTTPConnection(split.netloc, timeout=30)
    connection.request("PUT", f"{split.path}?{split.query}", body)
    etag = connection.getresponse().headers["ETag"]
    connection.close()
    return etag


def test_model_and_data_come_from_buckets(models: S3Store, sources: Sources, tmp_path: Path) -> None:
    """A model folder and a single data file arrive as they were stored."""
    for path, content in MODEL.items():
        models.put(f"minilm/{path}", content)
    models.put("data/sentences.txt", b"hello\n")

    fetch(parse_uri(f"s3://{models.bucket}/minilm/"), tmp_path / "model", sources=sources)
    fetch_data(parse_uri(f"s3://{models.bucket}/data/sentences.txt"), tmp_path / "data", sources=sources)

    assert found_below(tmp_path / "model") == MODEL
    assert found_below(tmp_path / "data") == {"sentences.txt": b"hello\n"}


def test_missing_buckets_are_named(sources: Sources, tmp_path: Path) -> None:
    """A bucket that does not exist is not found: nothing that another try would cure."""
    with pytest.raises(ModelNotFoundError, match="s3://no-such-bucket/m"):
        fetch(parse_uri("s3://no-such-bucket/m"), tmp_path, sources=sources)
    with pytest.raises(DataNotFoundError, match="s3://no-such-bucket"):
        fetch_data(parse_uri("s3://no-such-bucket"), tmp_path, sources=sources)


def test_uploads_are_read_once_complete_and_by_their_owner(store: S3Store, sources: Sources, tmp_path: Path) -> None:
    """An upload becomes a source when it is complete, and for nobody but its tenant."""
    uploads = Uploads(store)
    upload = uploads.create(TENANT, [{"path": path, "bytes": len(content)} for path, content in MODEL.items()])
    with pytest.raises(ModelNotFoundError, match="not complete"):
        fetch(parse_uri(upload["uri"]), tmp_path / "early", sources=sources)
    sent = [
        {
            "path": file["path"],
            "parts": [
                {"number": part["number"], "etag": put_by_http(part["url"], MODEL[file["path"]])}
                for part in file["parts"]
            ],
        }
        for file in upload["files"]
    ]
    uploads.complete(TENANT, upload["id"], sent)

    fetch(parse_uri(upload["uri"]), tmp_path / "mine", sources=sources)

    assert found_below(tmp_path / "mine") == MODEL
    foreign = Sources(store, partial(uploads.prefix, "somebody-else"))
    with pytest.raises(ModelNotFoundError, match="no upload"):
        fetch(parse_uri(upload["uri"]), tmp_path / "theirs", sources=foreign)


def test_store_out_of_reach_is_worth_another_try(s3_settings: StateSettings, tmp_path: Path) -> None:
    """A store that does not answer fails the attempt, and not the request."""
    nowhere = S3Store.from_settings(_elsewhere(s3_settings))

    with pytest.raises(StorageError) as failure:
        fetch(parse_uri("s3://models/m"), tmp_path, sources=Sources(nowhere, str))

    assert failure.value.retryable


def _elsewhere(settings: StateSettings) -> StateSettings:
    return StateSettings(
        s3_endpoint="http://127.0.0.1:1", s3_access_key=settings.s3_access_key, s3_secret_key=settings.s3_secret_key
    )
