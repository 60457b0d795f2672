"""What every object store promises, held against the one in memory and a real one."""

import hashlib
import http.client
import inspect
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError, ObjectStore, Stored
from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store, s3_client

SMALLEST_PART = 5 * 2**20
MISSING_BUCKET = "no-such-bucket"
KINDS = ("memory", "s3")
PROMISED = [name for name in vars(ObjectStore) if not name.startswith("_")]


@dataclass(frozen=True)
class Subject:
    """A store under test, with what a caller without credentials can do to its URLs."""

    store: Any
    get_url: Callable[[str], bytes]
    put_url: Callable[[str, bytes], str]


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest) -> Subject:
    """Return each kind of store in turn."""
    if request.param == "memory":
        memory = MemoryStore()
        return Subject(memory, memory.open_url, memory.put_url)
    return Subject(request.getfixturevalue("store"), get_by_http, put_by_http)


@pytest.fixture
def any_store(subject: Subject) -> Any:
    """Return the store alone."""
    return subject.store


@pytest.fixture
def prefix(any_store: Any) -> Iterator[str]:
    """Return a prefix that no other test uses, emptied afterwards."""
    own = f"laws/{uuid4().hex}/"
    yield own
    for found in list(any_store.list(own)):
        any_store.delete(found.key)


def get_by_http(url: str) -> bytes:
    """Return the body that a plain GET gives."""
    return plain_http("GET", url)[0]


def put_by_http(url: str, body: bytes) -> str:
    """Put *body* by plain HTTP and return its ETag."""
    return plain_http("PUT", url, body)[1]["ETag"]


def plain_http(method: str, url: str, body: bytes | None = None) -> tuple[bytes, http.client.HTTPMessage]:
    """Return body and headers of one request without any client library."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.netloc, timeout=60)
    try:
        connection.request(method, f"{split.path}?{split.query}", body)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status in {401, 403}:
        raise AccessRefusedError(content.decode())
    assert answer.status == 200, content
    return content, answer.headers


@pytest.mark.parametrize("kind", [MemoryStore, S3Store])
@pytest.mark.parametrize("name", PROMISED)
def test_methods_are_the_promised_ones(kind: type, name: str) -> None:
    """Each store has every method of the Protocol with exactly its signature."""
    promised = inspect.signature(getattr(ObjectStore, name))

    assert inspect.signature(getattr(kind, name)) == promised


@pytest.mark.parametrize("body", [b"", b"content", bytes(range(256))])
def test_what_is_put_is_what_is_got(any_store: Any, prefix: str, body: bytes) -> None:
    """Any bytes, none included, come back as they were."""
    any_store.put(f"{prefix}k", body)

    assert any_store.get(f"{prefix}k") == body


def test_last_put_stays(any_store: Any, prefix: str) -> None:
    """Writing again replaces the content, and everything that is known of the object."""
    any_store.put(f"{prefix}k", b"first")
    before = any_store.head(f"{prefix}k")
    any_store.put(f"{prefix}k", b"the second")

    after = any_store.head(f"{prefix}k")
    assert any_store.get(f"{prefix}k") == b"the second"
    assert (after.key, after.bytes) == (f"{prefix}k", 10)
    assert after.etag != before.etag


@pytest.mark.parametrize("name", ["größe/語彙", "a b+c&d=e", "100%", "quo'te\"s", "tilde~(x)!*", "é"])
def test_keys_hold_any_letters(any_store: Any, prefix: str, name: str) -> None:
    """Letters of any script, spaces and signs survive as a key, in reading and in listing."""
    any_store.put(prefix + name, b"x")

    assert any_store.get(prefix + name) == b"x"
    assert [found.key for found in any_store.list(prefix)] == [prefix + name]


def test_creation_happens_once(any_store: Any, prefix: str) -> None:
    """The first create-only write wins; the second changes nothing, the same bytes included."""
    first = any_store.put_if_absent(f"{prefix}k", b"first")
    second = any_store.put_if_absent(f"{prefix}k", b"second")
    third = any_store.put_if_absent(f"{prefix}k", b"first")

    assert (first, second, third) == (True, False, False)
    assert any_store.get(f"{prefix}k") == b"first"


def test_creation_has_one_winner_under_concurrency(any_store: Any, prefix: str) -> None:
    """Of eight writers at the same moment exactly one is told that it won, and its bytes are there."""
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: any_store.put_if_absent(f"{prefix}k", b"%d" % n), range(8)))

    assert won.count(True) == 1
    assert any_store.get(f"{prefix}k") == b"%d" % won.index(True)


def test_creation_is_possible_again_after_deletion(any_store: Any, prefix: str) -> None:
    """A deleted key is free."""
    any_store.put_if_absent(f"{prefix}k", b"first")
    any_store.delete(f"{prefix}k")

    assert any_store.put_if_absent(f"{prefix}k", b"second")


def test_listing_is_by_prefix_and_in_order(any_store: Any, prefix: str) -> None:
    """A listing gives every key that begins with the prefix, in order, with its size, and no other."""
    for name in ("b/2", "b/10", "b", "a", "ba", "c", f"{prefix}b"):
        any_store.put(prefix + name, b"x" * len(name))

    found = [(info.key.removeprefix(prefix), info.bytes) for info in any_store.list(f"{prefix}b")]
    assert found == [("b", 1), ("b/10", 4), ("b/2", 3), ("ba", 2)]


def test_listing_knows_what_head_knows(any_store: Any, prefix: str) -> None:
    """Listing and head agree on an object."""
    any_store.put(f"{prefix}k", b"content")

    assert list(any_store.list(prefix)) == [any_store.head(f"{prefix}k")]


def test_folders_are_the_names_directly_below(any_store: Any, prefix: str) -> None:
    """Folders are named once each, without what lies deeper and without files."""
    for name in ("a/1", "a/2", "b/c/3", "file"):
        any_store.put(prefix + name, b"")

    assert list(any_store.folders(prefix)) == ["a", "b"]


def test_listing_of_nothing_is_empty(any_store: Any, prefix: str) -> None:
    """A prefix that nothing has is no error."""
    assert list(any_store.list(prefix)) == []
    assert list(any_store.folders(prefix)) == []


def test_more_than_a_page_is_listed_from_memory() -> None:
    """Eleven hundred keys are eleven hundred keys."""
    memory = MemoryStore()
    for number in range(1100):
        memory.put(f"k{number:04}", b"")

    assert [found.key for found in memory.list("k")] == [f"k{number:04}" for number in range(1100)]


def test_every_page_is_listed_from_the_real_store(s3_settings: StateSettings, store: S3Store) -> None:
    """A listing that takes several pages (of three, here) gives every key once."""
    client, asked, prefix = s3_client(s3_settings), [], f"laws/{uuid4().hex}/"

    def small_pages(params: dict[str, Any], **_: Any) -> None:
        params["MaxKeys"] = 3
        asked.append(params)

    client.meta.events.register("provide-client-params.s3.ListObjectsV2", small_pages)
    names = [f"{prefix}{number:02}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: store.put(name, b""), names))

    found = [info.key for info in S3Store(client, s3_settings.bucket).list(prefix)]
    for name in names:
        store.delete(name)

    assert found == names
    assert len(asked) == 3


def test_missing_objects_are_said_to_be_missing(any_store: Any, prefix: str, tmp_path: Path) -> None:
    """Reading what is not there is one kind of error, and asking about it is none."""
    assert any_store.head(f"{prefix}k") is None
    with pytest.raises(ObjectMissingError):
        any_store.get(f"{prefix}k")
    with pytest.raises(ObjectMissingError):
        any_store.download_file(f"{prefix}k", tmp_path / "file")


def test_missing_buckets_are_said_to_be_missing(any_store: Any) -> None:
    """A bucket that does not exist is the same kind of error, from every method that needs it."""
    other = any_store.in_bucket(MISSING_BUCKET)

    assert other.head("k") is None
    for call in (other.check, lambda: other.get("k"), lambda: list(other.list("")), lambda: other.put("k", b"")):
        with pytest.raises(ObjectMissingError):
            call()


def test_deletion_is_idempotent(any_store: Any, prefix: str) -> None:
    """What is deleted is gone, and may be deleted again."""
    any_store.put(f"{prefix}k", b"x")
    any_store.delete(f"{prefix}k")
    any_store.delete(f"{prefix}k")

    assert any_store.head(f"{prefix}k") is None
    assert list(any_store.list(prefix)) == []


@pytest.mark.parametrize("size", [0, 1000, SMALLEST_PART + 1])
def test_files_go_up_and_down_with_their_hash(
    any_store: Any, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Files in one piece or in parts come back as they were, and both ways name the SHA-256."""
    monkeypatch.setattr("jobs.state.storage.PART_BYTES", SMALLEST_PART)
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    (tmp_path / "up").write_bytes(content)
    expected = Stored(size, hashlib.sha256(content).hexdigest())

    up = any_store.upload_file(f"{prefix}k", tmp_path / "up")
    down = any_store.download_file(f"{prefix}k", tmp_path / "down")

    assert (up, down) == (expected, expected)
    assert (tmp_path / "down").read_bytes() == content
    assert any_store.head(f"{prefix}k").bytes == size


def test_whole_objects_are_put_by_anyone_with_their_url(subject: Subject, prefix: str) -> None:
    """What a caller PUTs to a presigned URL is the object, and the etag told is the one that is listed."""
    store, key = subject.store, f"{prefix}größe 文件.bin"
    etag = subject.put_url(store.presign_put(key, 60), b"sent")

    assert store.get(key) == b"sent"
    assert [(info.key, info.bytes, info.etag) for info in store.list(prefix)] == [(key, 4, etag.strip('"'))]


def test_parts_are_put_by_anyone_with_their_urls(subject: Subject, prefix: str) -> None:
    """Parts that a caller PUTs to presigned URLs, in any order, become the object when completed."""
    store, key = subject.store, f"{prefix}größe.bin"
    bodies = {1: b"a" * SMALLEST_PART, 2: b"the rest"}
    upload_id = store.create_multipart(key)
    etags = {n: subject.put_url(store.presign_part(key, upload_id, n, 60), bodies[n]) for n in (2, 1)}

    assert store.head(key) is None
    store.complete_multipart(key, upload_id, [(1, etags[1]), (2, etags[2])])
    assert store.get(key) == bodies[1] + bodies[2]


def test_parts_that_were_not_put_cannot_be_completed(any_store: Any, prefix: str) -> None:
    """Completing with a part that is not there is refused, and nothing appears."""
    upload_id = any_store.create_multipart(f"{prefix}k")

    with pytest.raises(ObjectMissingError):
        any_store.complete_multipart(f"{prefix}k", upload_id, [(1, '"d41d8cd98f00b204e9800998ecf8427e"')])
    any_store.abort_multipart(f"{prefix}k", upload_id)

    assert any_store.head(f"{prefix}k") is None


def test_parts_with_another_etag_cannot_be_completed(subject: Subject, prefix: str) -> None:
    """A part is taken only as what its sender knows to have sent."""
    store, key = subject.store, f"{prefix}k"
    upload_id = store.create_multipart(key)
    subject.put_url(store.presign_part(key, upload_id, 1, 60), b"sent")

    with pytest.raises(ObjectMissingError):
        store.complete_multipart(key, upload_id, [(1, '"d41d8cd98f00b204e9800998ecf8427e"')])
    store.abort_multipart(key, upload_id)


def test_aborted_uploads_are_forgotten(subject: Subject, prefix: str) -> None:
    """After an abort the upload cannot be completed."""
    store, key = subject.store, f"{prefix}k"
    upload_id = store.create_multipart(key)
    etag = subject.put_url(store.presign_part(key, upload_id, 1, 60), b"x")
    store.abort_multipart(key, upload_id)

    with pytest.raises(ObjectMissingError):
        store.complete_multipart(key, upload_id, [(1, etag)])


@pytest.mark.parametrize("name", ["k", "größe 語.json"])
def test_url_gives_the_object_to_anyone(subject: Subject, prefix: str, name: str) -> None:
    """A presigned URL needs no credentials."""
    subject.store.put(prefix + name, b"content")

    assert subject.get_url(subject.store.presign_get(prefix + name, 60, name)) == b"content"


def test_url_is_good_for_its_object_only(subject: Subject, prefix: str) -> None:
    """A URL that was changed to name another object is refused."""
    for name in ("mine", "ours"):
        subject.store.put(prefix + name, b"content")
    url = subject.store.presign_get(f"{prefix}mine", 60, "mine")

    with pytest.raises(AccessRefusedError):
        subject.get_url(url.replace("mine?", "ours?"))


def test_url_expires(subject: Subject, prefix: str) -> None:
    """After its time a URL is refused."""
    subject.store.put(f"{prefix}k", b"content")
    url = subject.store.presign_get(f"{prefix}k", 1, "k")
    time.sleep(2.1)

    with pytest.raises(AccessRefusedError):
        subject.get_url(url)


def test_url_names_the_download(store: S3Store) -> None:
    """The real store tells a browser the file's name, whatever its letters."""
    key = f"laws/{uuid4().hex}"
    store.put(key, b"content")

    _, headers = plain_http("GET", store.presign_get(key, 60, "größe.json"))
    store.delete(key)

    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.json"


def test_wrong_secret_is_refused_by_the_real_store(s3_settings: StateSettings) -> None:
    """A client that signs with another secret gets nothing."""
    intruder = S3Store(s3_client(replace(s3_settings, s3_secret_key="guessed")), s3_settings.bucket)

    with pytest.raises((AccessRefusedError, StorageError)):
        list(intruder.list(""))
