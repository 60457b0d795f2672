"""Fetching a result: resumed, checked, and never outside its folder."""

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client_fakes import JOB, FakeService, FakeStore
from client_loopback import HANG_UP, Reply, problem
from modelpress import ModelPress, errors, wanted
from modelpress._sync import downloads

CONFIG = b'{"model_type": "bert"}'
WEIGHTS = bytes(range(256)) * 64


@pytest.fixture
def result(service: FakeService) -> FakeService:
    """Return the service with a result of three files, one of them in a folder and one empty."""
    service.publish("config.json", CONFIG)
    service.publish("model.safetensors", WEIGHTS)
    service.publish("notes/empty.txt", b"")
    return service


def test_a_download_brings_every_file_and_the_manifest(client: ModelPress, result: FakeService, tmp_path: Path) -> None:
    """Files lie under their names in the manifest, which lies beside them; no part file is left."""
    folder = client.job(JOB).download(tmp_path / "new" / "artifact")

    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (folder / "notes" / "empty.txt").read_bytes() == b""
    assert json.loads((folder / "manifest.json").read_text())["files"] == list(result.promised.values())
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names == {"config.json", "model.safetensors", "empty.txt", "manifest.json"}


def test_the_store_never_sees_the_key(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """The presigned URL is the only credential that leaves for the other host."""
    client.job(JOB).download(tmp_path)

    assert store.asked
    assert all("Authorization" not in asked.headers for asked in store.asked)


def test_two_downloads_into_one_folder_take_turns(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """Threads that fetch the same result at once do not write into each other's files: the later find them there."""
    job = client.job(JOB)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: job.download(tmp_path), range(4)))

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert [asked.path for asked in store.asked].count("/bucket/model.safetensors") == 1
    assert not list(tmp_path.glob(".*"))


def test_a_broken_download_goes_on_where_it_stopped(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """After each break only the missing bytes are asked for, as often as each try brings some."""
    del result.promised["config.json"]
    store.fail_with(Reply(200, WEIGHTS, cut_after=1000))
    store.fail_with(*[Reply(206, WEIGHTS[at:], cut_after=1000) for at in (1000, 2000, 3000, 4000)])

    client.job(JOB).download(tmp_path)

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    ranges = [asked.headers.get("Range") for asked in store.asked[:6]]
    assert ranges == [None, *[f"bytes={at}-{len(WEIGHTS) - 1}" for at in (1000, 2000, 3000, 4000, 5000)]]


def test_a_later_run_resumes_an_interrupted_one(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """What an earlier process fetched is not fetched again."""
    store.fail_with(Reply(200, CONFIG, cut_after=1), *[HANG_UP] * 2)
    with pytest.raises(errors.NetworkError):
        client.job(JOB).download(tmp_path)
    store.asked.clear()

    client.job(JOB).download(tmp_path)

    assert (tmp_path / "config.json").read_bytes() == CONFIG
    assert store.asked[0].headers["Range"] == f"bytes=1-{len(CONFIG) - 1}"


def test_a_store_without_ranges_is_read_from_the_start(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """A full answer to a request for the rest replaces what was there."""
    store.ranges = False
    store.fail_with(Reply(200, CONFIG, cut_after=5))

    client.job(JOB).download(tmp_path)

    assert (tmp_path / "config.json").read_bytes() == CONFIG


def test_bad_bytes_of_an_earlier_run_are_fetched_again(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """A resumed file whose hash is wrong gets one fresh start."""
    store.fail_with(Reply(200, bytes(len(CONFIG)), cut_after=5), *[HANG_UP] * 2)
    with pytest.raises(errors.NetworkError):
        client.job(JOB).download(tmp_path)

    client.job(JOB).download(tmp_path)

    assert (tmp_path / "config.json").read_bytes() == CONFIG


def test_running_again_fetches_only_what_is_missing_or_wrong(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """Files with the right hash stay; a changed one comes again."""
    client.job(JOB).download(tmp_path)
    (tmp_path / "config.json").write_bytes(b'{"model_type": "tert"}')
    store.asked.clear()

    client.job(JOB).download(tmp_path)

    assert [asked.path for asked in store.asked] == ["/bucket/config.json"]
    assert (tmp_path / "config.json").read_bytes() == CONFIG


@pytest.mark.parametrize(
    "promised",
    [{"sha256": "0" * 64}, {"bytes": 7}, {"bytes": 7000}, {"sha256": "../../evil"}],
    ids=["another hash", "fewer bytes", "more bytes", "no hash"],
)
def test_what_the_manifest_does_not_promise_is_not_kept(
    client: ModelPress, service: FakeService, tmp_path: Path, promised: dict[str, object]
) -> None:
    """Wrong content is an error and leaves no file behind, not even a part."""
    service.publish("config.json", b"{}", **promised)

    with pytest.raises(errors.IntegrityError, match=r"config\.json"):
        client.job(JOB).download(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a//b", "C:evil", "a\\evil", "a\nb", "", "."])
def test_names_that_lead_out_of_the_folder_are_refused(
    client: ModelPress, result: FakeService, tmp_path: Path, name: str
) -> None:
    """One bad name in the manifest, and nothing is written at all."""
    result.publish(name, b"evil")

    with pytest.raises(errors.UnsafeNameError):
        client.job(JOB).download(tmp_path / "artifact")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["notes", "config.json"])
def test_symbolic_links_are_not_followed(client: ModelPress, result: FakeService, tmp_path: Path, link: str) -> None:
    """A link that lies in the folder cannot lead the download elsewhere."""
    outside, folder = tmp_path / "outside", tmp_path / "artifact"
    outside.mkdir()
    folder.mkdir()
    (folder / link).symlink_to(outside)

    with pytest.raises(errors.UnsafeNameError, match="symbolic link"):
        client.job(JOB).download(folder)
    assert list(outside.iterdir()) == []


def test_a_refused_link_is_an_error_of_the_store(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path
) -> None:
    """What the store says of a fresh link too is passed on, without the secrets of the URL."""
    store.fail_with(*[Reply(403, b"<Code>AccessDenied</Code>")] * 2)

    with pytest.raises(errors.StorageError, match="AccessDenied") as caught:
        client.job(JOB).download(tmp_path)
    assert caught.value.status == 403
    assert "signature" not in str(caught.value)


def test_a_break_shows_no_secrets(client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path) -> None:
    """The message of a network failure names the host, not the presigned URL."""
    store.fail_with(*[HANG_UP] * 3)

    with pytest.raises(errors.NetworkError, match=store.url) as caught:
        client.job(JOB).download(tmp_path)
    assert "signature" not in str(caught.value)


def test_a_passing_failure_of_the_service_does_not_end_the_download(
    client: ModelPress, result: FakeService, tmp_path: Path
) -> None:
    """Asking for the link is tried again as every reading is."""
    downloaded = client.job(JOB)
    result.fail_with(problem(503, "not_ready"), HANG_UP)

    downloaded.download(tmp_path)

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_expired_links_are_renewed(
    client: ModelPress, result: FakeService, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow download outlives its presigned URL: the service is asked for another, once for all that is missing."""
    monkeypatch.setattr(wanted, "PIECE_BYTES", 4096)
    monkeypatch.setattr(downloads, "PIECES_AT_ONCE", 1)
    del result.promised["config.json"]
    store.fail_with(Reply(206, WEIGHTS[:4096]), Reply(403, b"expired"))

    client.job(JOB).download(tmp_path)

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert [asked.path for asked in result.asked].count(f"/v1/jobs/{JOB}/artifacts/model.safetensors") == 2


def test_pieces_come_together_in_order(
    client: ModelPress, service: FakeService, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pieces are on their way and break, the file is what it was, and no byte was asked for twice."""
    monkeypatch.setattr(wanted, "PIECE_BYTES", 1000)
    service.publish("model.safetensors", WEIGHTS)
    store.fail_with(HANG_UP, HANG_UP, Reply(503), Reply(429))
    told: list[tuple[int, int]] = []

    client.job(JOB).download(tmp_path, progress=lambda *seen: told.append(seen))

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert told[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(store.asked) == 17 + 4


def test_a_store_without_ranges_serves_pieces(
    client: ModelPress, service: FakeService, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every answer is the whole file, each piece takes its own part of it."""
    monkeypatch.setattr(wanted, "PIECE_BYTES", 10_000)
    service.publish("model.safetensors", WEIGHTS)
    store.ranges = False

    client.job(JOB).download(tmp_path)

    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_a_file_that_ends_early_is_not_kept(
    client: ModelPress, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that has fewer bytes than the manifest says so by refusing the rest."""
    monkeypatch.setattr(wanted, "PIECE_BYTES", 4096)
    service.publish("model.safetensors", WEIGHTS, bytes=5 * 4096)

    with pytest.raises(errors.IntegrityError, match="does not hold the 20480 bytes"):
        client.job(JOB).download(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_needs_little_memory(
    client: ModelPress, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large a file is, only the pieces under way are in memory."""
    monkeypatch.setattr(wanted, "PIECE_BYTES", 1 << 20)
    service.publish("model.safetensors", bytes(32 << 20))
    big = client.job(JOB)

    tracemalloc.start()
    big.download(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 16 << 20
