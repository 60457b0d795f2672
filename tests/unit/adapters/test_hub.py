"""Reading repositories from a hub, against a server that speaks its API."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from hub_server import COMMIT, FakeHub, serving
from huggingface_hub import errors as hub_library

from jobs.adapters.hub import Hub, HubFolder, hub_errors, translated
from jobs.adapters.transfer import Limits, fetch_files, listing
from jobs.contract.errors import InvalidRequestError, InvalidUriError, ModelNotFoundError, ModelPressError, StorageError
from jobs.contract.uris import parse_uri

WEIGHTS = bytes(range(256)) * 64
REPO = {"config.json": b"{}", "model.safetensors": WEIGHTS, "1_Pooling/config.json": b'{"a": 1}'}
HUB_ERRORS = [each for _, each in inspect.getmembers(hub_library, inspect.isclass) if issubclass(each, Exception)]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """Return a running hub with one repository."""
    with serving(FakeHub({"org/tiny": REPO})) as fake:
        yield fake


def folder_at(hub: FakeHub, text: str, *, token: str = "", kind: str = "model") -> HubFolder:
    """Return the folder that *text* names on the fake hub."""
    return HubFolder.at(parse_uri(text), kind, hub=Hub(hub.url, token), missing=ModelNotFoundError)


@pytest.mark.parametrize("uri", ["hf://org/tiny", "hf://org/tiny@main", f"hf://org/tiny@{COMMIT}"])
def test_revision_becomes_a_commit(hub: FakeHub, uri: str) -> None:
    """Whatever names the revision, the folder says which commit it is."""
    folder = folder_at(hub, uri)

    assert folder.revision == COMMIT
    assert {entry.path for entry in folder.entries()} == set(REPO)


def test_files_arrive_byte_for_byte(hub: FakeHub, tmp_path: Path) -> None:
    """Every file arrives at its own path, and nothing else is left behind."""
    folder = folder_at(hub, "hf://org/tiny")

    fetch_files(folder, listing(folder, Limits(), ModelNotFoundError), tmp_path, Limits())

    found = {str(each.relative_to(tmp_path)): each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert found == REPO


def test_broken_download_resumes_where_it_broke(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks off halfway costs only the second half."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    hub.cut_once.add("model.safetensors")
    folder = folder_at(hub, "hf://org/tiny")
    entry = next(each for each in folder.entries() if each.path == "model.safetensors")

    folder.save(entry, tmp_path / "model.safetensors")

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert f"bytes={len(WEIGHTS) // 2}-" in {asked for _, _, _, asked in hub.requests}


def test_spoiled_download_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    """Content that differs from the hash that the hub publishes never counts as fetched."""
    hub.spoil.add("model.safetensors")
    folder = folder_at(hub, "hf://org/tiny")

    with pytest.raises(StorageError, match="changed on the way"):
        fetch_files(folder, tuple(folder.entries()), tmp_path, Limits())


def test_data_comes_from_dataset_repositories(hub: FakeHub) -> None:
    """Data is looked up among the hub's datasets, not its models."""
    folder_at(hub, "hf://org/tiny", kind="dataset")

    assert hub.requests[0][1] == "/api/datasets/org/tiny"


@pytest.mark.parametrize(("token", "sent"), [("", None), ("secret", "Bearer secret")])
def test_only_the_configured_token_is_sent(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, sent: str | None
) -> None:
    """The token of whoever is logged in on the machine stays at home."""
    monkeypatch.setenv("HF_TOKEN", "of-the-machine")
    folder = folder_at(hub, "hf://org/tiny", token=token)
    folder.save(next(folder.entries()), tmp_path / "file")

    assert {authorization for _, _, authorization, _ in hub.requests} == {sent}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "RepoNotFound", "No repository"),
        (401, "", "no access"),
        (403, "GatedRepo", "gated"),
        (403, "", "no access"),
    ],
)
def test_refusals_say_what_to_do(hub: FakeHub, status: int, code: str, expected: str) -> None:
    """A repository that exists for others only is reported as not found, with the way in."""
    hub.refuse["org/tiny"] = (status, code)

    with pytest.raises(ModelNotFoundError, match=expected):
        folder_at(hub, "hf://org/tiny")


def test_unknown_repository_is_named(hub: FakeHub) -> None:
    """A repository that is not there is named in the message."""
    with pytest.raises(ModelNotFoundError, match="hf://org/other"):
        folder_at(hub, "hf://org/other")


def test_unknown_revision_is_not_an_unknown_repository(hub: FakeHub) -> None:
    """A wrong revision is said to be one."""
    with pytest.raises(ModelNotFoundError, match="no such revision"):
        folder_at(hub, "hf://org/tiny@v9")


def test_failing_hub_may_be_asked_again(hub: FakeHub) -> None:
    """A hub that answers 500 is a reason to try again."""
    hub.refuse["org/tiny"] = (500, "")

    with pytest.raises(StorageError) as failure:
        folder_at(hub, "hf://org/tiny")

    assert failure.value.retryable


def test_hub_out_of_reach_may_be_asked_again() -> None:
    """Nobody listening at the endpoint is a reason to try again."""
    with pytest.raises(StorageError, match="try again"):
        folder_at(FakeHub(url="http://127.0.0.1:1"), "hf://org/tiny")


def test_endpoint_that_is_no_hub_is_a_failing_hub(hub: FakeHub) -> None:
    """A page of some proxy in place of the hub's answer is a reason to try again, not a surprise."""
    hub.portal = b"<html>Please log in</html>"

    with pytest.raises(StorageError):
        folder_at(hub, "hf://org/tiny")


def test_service_without_a_hub_says_so() -> None:
    """Where no hub is set up, its references are refused before any connection."""
    with pytest.raises(InvalidUriError, match="without a model hub"):
        folder_at(FakeHub(url=""), "hf://org/tiny")


@pytest.mark.parametrize("kind", HUB_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_hub_library_is_translated(kind: type[Exception]) -> None:
    """Whatever class the library defines, the caller sees an error of ours, with the original as its cause."""
    original = kind.__new__(kind)

    with pytest.raises(ModelPressError) as translation, hub_errors("hf://org/tiny", ModelNotFoundError):
        raise original

    assert translation.value.__cause__ is original
    assert isinstance(translation.value, InvalidRequestError | StorageError)
    assert "hf://org/tiny" in translation.value.message


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (hub_library.RepositoryNotFoundError, ModelNotFoundError),
        (hub_library.GatedRepoError, ModelNotFoundError),
        (hub_library.RevisionNotFoundError, ModelNotFoundError),
        (hub_library.RemoteEntryNotFoundError, ModelNotFoundError),
        (hub_library.OfflineModeIsEnabled, ModelNotFoundError),
        (hub_library.HFValidationError, InvalidUriError),
        (hub_library.LocalEntryNotFoundError, StorageError),
        (hub_library.XetDownloadError, StorageError),
        (httpx2.ReadTimeout, StorageError),
    ],
)
def test_the_most_specific_meaning_wins(kind: type[Exception], expected: type[ModelPressError]) -> None:
    """An error that inherits from several of the library's classes means what its own class means."""
    meaning = translated(kind.__new__(kind), "hf://org/tiny", ModelNotFoundError)

    assert type(meaning) is expected


def test_download_of_the_wrong_length_may_be_tried_again() -> None:
    """The library's plain OSError about a short download is the hub's trouble."""
    with pytest.raises(StorageError), hub_errors("hf://org/tiny", ModelNotFoundError):
        raise OSError("Consistency check failed")


def test_trouble_with_the_disk_is_not_the_hubs() -> None:
    """An OSError of the operating system passes through untouched."""
    with pytest.raises(PermissionError), hub_errors("hf://org/tiny", ModelNotFoundError):
        raise PermissionError(13, "Permission denied")
