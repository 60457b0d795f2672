"""Uploads from their beginning to their prefix."""

from typing import Any

import pytest
from redis import Redis

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import InvalidRequestError, ModelNotFoundError, UploadConflictError
from jobs.state.objects import ObjectMissingError
from jobs.state.records import utc_now
from jobs.state.retention import OPEN_UPLOADS, Reason, Retention
from jobs.state.uploads import Uploads

FILES = [{"path": "config.json", "bytes": 5}, {"path": "data/empty.txt", "bytes": 0}]


@pytest.fixture
def uploads(memory: MemoryStore) -> Uploads:
    """Return uploads into the store in memory."""
    return Uploads(memory)


def sent(memory: MemoryStore, document: dict, body: bytes = b"12345") -> list[dict]:
    """Send every part and return what completion asks for."""
    return [
        {
            "path": each["path"],
            "parts": [{"number": part["number"], "etag": memory.put_url(part["url"], body)} for part in each["parts"]],
        }
        for each in document["files"]
    ]


def test_a_new_upload_has_a_url_for_each_part(uploads: Uploads) -> None:
    """The document names its parts; an empty file has none."""
    document = uploads.create("acme", FILES)

    assert (document["state"], document["uri"]) == ("open", f"upload://{document['id']}")
    assert [[part["number"] for part in each["parts"]] for each in document["files"]] == [[1], []]


def test_a_large_file_has_as_many_parts_as_it_needs(uploads: Uploads) -> None:
    """Part sizes cover the file: the last may be smaller."""
    document = uploads.create("acme", [{"path": "model.safetensors", "bytes": 2 * 16 * 2**20 + 1}])

    assert len(document["files"][0]["parts"]) == 3


def test_the_largest_file_has_larger_parts_instead_of_more(uploads: Uploads) -> None:
    """Signing the parts of 64 GiB takes no longer than those of 16 GiB."""
    document = uploads.create("acme", [{"path": "model.safetensors", "bytes": 64 * 2**30}])

    assert document["part_bytes"] == 64 * 2**20
    assert len(document["files"][0]["parts"]) == 1024


def test_a_complete_upload_has_its_files_below_its_prefix(uploads: Uploads, memory: MemoryStore) -> None:
    """After completion the files are whole, and doing it again gives the same."""
    document = uploads.create("acme", FILES)
    parts = sent(memory, document)
    complete = uploads.complete("acme", document["id"], parts)

    assert complete["state"] == "complete"
    assert uploads.complete("acme", document["id"], parts) == complete == uploads.show("acme", document["id"])
    prefix = uploads.prefix("acme", document["id"])
    assert (memory.get(prefix + "config.json"), memory.get(prefix + "data/empty.txt")) == (b"12345", b"")


def test_completion_goes_on_where_it_was_cut_off(uploads: Uploads, memory: MemoryStore) -> None:
    """A file that was joined already is not joined again when the request is repeated."""
    document = uploads.create("acme", [*FILES, {"path": "b.json", "bytes": 5}])
    parts = sent(memory, document)
    with pytest.raises(UploadConflictError):
        uploads.complete(
            "acme", document["id"], [*parts[:2], {"path": "b.json", "parts": [{"number": 1, "etag": "x"}]}]
        )

    assert uploads.complete("acme", document["id"], parts)["state"] == "complete"


def test_another_size_than_announced_is_refused(uploads: Uploads, memory: MemoryStore) -> None:
    """A file that is longer than it said does not complete."""
    document = uploads.create("acme", FILES)
    with pytest.raises(UploadConflictError, match="announced 5 bytes, got 7"):
        uploads.complete("acme", document["id"], sent(memory, document, b"1234567"))

    assert uploads.show("acme", document["id"])["state"] == "open"


def test_a_missing_file_is_refused(uploads: Uploads, memory: MemoryStore) -> None:
    """Completion names exactly the announced files."""
    document = uploads.create("acme", FILES)

    with pytest.raises(UploadConflictError, match=r"config\.json"):
        uploads.complete("acme", document["id"], sent(memory, document)[1:])


def test_thousands_of_files_are_shown_page_by_page(uploads: Uploads, memory: MemoryStore) -> None:
    """Following next_offset shows each file once, and completion wants them all."""
    files = [{"path": f"größe {n:04}.wav", "bytes": 5} for n in range(2500)]
    document = uploads.create("acme", files)
    parts, sizes = sent(memory, document), [len(document["files"])]
    while document["next_offset"]:
        document = uploads.show("acme", document["id"], offset=document["next_offset"])
        parts += sent(memory, document)
        sizes.append(len(document["files"]))

    assert sizes == [1000, 1000, 500]
    assert uploads.complete("acme", document["id"], parts)["state"] == "complete"
    assert uploads.show("acme", document["id"], offset=2500)["files"] == []


@pytest.mark.parametrize(
    "parts",
    [[], [{"number": 2, "etag": "x"}], [{"number": 1, "etag": "x"}] * 2, [{"number": 1, "etag": "another"}]],
)
@pytest.mark.parametrize("size", [5, 16 * 2**20 + 1])
def test_wrong_parts_are_refused(uploads: Uploads, memory: MemoryStore, parts: list[Any], size: int) -> None:
    """Missing, doubled and misnumbered parts, and those of another etag, are the caller's mistake, not the store's."""
    document = uploads.create("acme", [{"path": "a.bin", "bytes": size}])
    sent(memory, document)

    with pytest.raises(UploadConflictError, match=r"a\.bin"):
        uploads.complete("acme", document["id"], [{"path": "a.bin", "parts": parts}])
    assert uploads.show("acme", document["id"])["state"] == "open"


def test_a_small_file_that_was_not_sent_is_missed(uploads: Uploads) -> None:
    """Completion looks for what it was told."""
    document = uploads.create("acme", [{"path": "a.bin", "bytes": 5}])

    with pytest.raises(UploadConflictError, match="not sent"):
        uploads.complete(
            "acme", document["id"], [{"path": "a.bin", "parts": [{"number": 1, "etag": "d41d8cd98f00b204"}]}]
        )


def test_two_completions_at_once_are_one(uploads: Uploads, memory: MemoryStore) -> None:
    """Whoever finds the parts joined by another request just now has what it wanted."""
    body = b"x" * (16 * 2**20)
    document = uploads.create("acme", [{"path": "a.bin", "bytes": 2 * len(body)}])
    parts = sent(memory, document, body)
    join = memory.complete_multipart

    def join_twice(*arguments: Any) -> None:
        join(*arguments)
        join(*arguments)

    memory.complete_multipart = join_twice

    assert uploads.complete("acme", document["id"], parts)["state"] == "complete"


def test_a_foreign_or_open_upload_has_no_prefix(uploads: Uploads) -> None:
    """Only the owner may use an upload, and only when it is complete."""
    document = uploads.create("acme", FILES)

    assert uploads.show("other", document["id"]) is None
    assert uploads.complete("other", document["id"], []) is None
    for tenant in ("other", "acme"):
        with pytest.raises(ModelNotFoundError, match=document["id"]):
            uploads.prefix(tenant, document["id"])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a\\b",
        "a\x00b",
        "a\x85b",
        "x/" * 256 + "x",
    ],
)
def test_a_path_that_no_folder_should_hold_is_refused(uploads: Uploads, path: str) -> None:
    """Paths are relative and plain."""
    with pytest.raises(InvalidRequestError, match="path"):
        uploads.create("acme", [{"path": path, "bytes": 1}])


@pytest.mark.parametrize(
    "count",
    [0, 10_001],
)
def test_an_upload_has_some_files_and_not_too_many(uploads: Uploads, count: int) -> None:
    """Nothing is no upload, nor is a file more than the limit."""
    with pytest.raises(InvalidRequestError, match="1 to 10000 files"):
        uploads.create("acme", [{"path": f"{n}", "bytes": 1} for n in range(count)])


@pytest.mark.parametrize(
    "files",
    [
        [FILES[0], FILES[0]],
        [{"path": "\u00f6", "bytes": 1}, {"path": "o\u0308", "bytes": 1}],
        [{"path": "a", "bytes": 1}, {"path": "a/b/c", "bytes": 1}],
        [{"path": "\u00f6" * 128, "bytes": 0}],
        [{"path": "\u20ac/" * 255 + "a", "bytes": 0}],
        [{"path": f"{n}", "bytes": 0} for n in range(101)],
        [{"path": f"{n}", "bytes": 2**24 + 1} for n in range(257)],
        [{"path": f"{n}", "bytes": 2**36} for n in range(2)],
    ],
)
def test_the_files_of_an_upload_fit_together(uploads: Uploads, files: list[dict[str, Any]]) -> None:
    """The same path twice, in whatever Unicode form, a file that is a folder, or too much is a conflict."""
    with pytest.raises(UploadConflictError, match=r"file|bytes"):
        uploads.create("acme", files)


def test_a_path_is_kept_in_its_composed_form(uploads: Uploads, memory: MemoryStore) -> None:
    """A name as macOS spells it is taken, also when the upload is completed, and becomes what other systems have."""
    document = uploads.create("acme", [{"path": "o\u0308.txt", "bytes": 5}])
    parts = [{**each, "path": "o\u0308.txt"} for each in sent(memory, document)]

    assert document["files"][0]["path"] == "\u00f6.txt"
    assert uploads.complete("acme", document["id"], parts)["state"] == "complete"


def test_a_file_is_completed_once(uploads: Uploads, memory: MemoryStore) -> None:
    """Two answers for one file contradict each other."""
    document = uploads.create("acme", FILES)

    with pytest.raises(UploadConflictError, match=r"each once; differing: config\.json"):
        uploads.complete("acme", document["id"], [*sent(memory, document), {"path": "config.json", "parts": []}])


LARGE = {"path": "model.safetensors", "bytes": 2 * 16 * 2**20}


def test_parts_of_an_upload_that_nobody_completes_are_forgotten(uploads: Uploads, memory: MemoryStore) -> None:
    """After an abort the store takes no more parts; asked again, for another tenant's or for none, it does nothing."""
    document = uploads.create("acme", [*FILES, LARGE])
    url = document["files"][2]["parts"][0]["url"]
    memory.put_url(url, b"x")
    counts = [uploads.abort(tenant, document["id"]) for tenant in ("other", "acme", "acme")]

    assert counts == [0, 1, 0]
    assert uploads.abort("acme", "upl_01ARZ3NDEKTSV4RRFFQ69G5FAV") == 0
    with pytest.raises(ObjectMissingError):
        memory.put_url(url, b"x")


def test_collecting_an_open_upload_forgets_its_parts(uploads: Uploads, memory: MemoryStore, redis: Redis) -> None:
    """When the time to complete an upload is over its record, its files and the parts that no listing shows go."""
    document = uploads.create("acme", [*FILES, LARGE])
    whole = uploads.create("acme", FILES)
    uploads.complete("acme", whole["id"], sent(memory, whole))
    before = list(Retention(memory, redis).collect(delete=True))
    late = Retention(memory, redis, clock=lambda: utc_now() + OPEN_UPLOADS)
    found = [each.reason for each in late.collect(delete=True)]

    assert before == []
    assert set(found) == {Reason.UPLOAD}
    assert uploads.show("acme", document["id"]) is None
    assert uploads.show("acme", whole["id"])["state"] == "complete"
    with pytest.raises(ObjectMissingError):
        memory.put_url(document["files"][2]["parts"][0]["url"], b"x")
