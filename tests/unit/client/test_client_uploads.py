"""Sending local files: in parts, and only what may be opened on the other side."""

import os
from pathlib import Path

import pytest
from client_fakes import UPLOAD, FakeService, FakeStore
from client_loopback import HANG_UP, Reply, problem
from modelpress import ModelPress, UploadWarning, errors
from modelpress._sync import uploads
from modelpress.settings import cache_path

URI = f"upload://{UPLOAD}"


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send one part after another."""
    monkeypatch.setattr(uploads, "PARTS_AT_ONCE", 1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a model folder with hidden files in it."""
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / ".cache").mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(b"0123456789")
    (folder / "sub" / "vocab.txt").write_bytes(b"word")
    (folder / ".cache" / "secret").write_bytes(b"secret")
    (folder / ".gitattributes").write_bytes(b"hidden")
    return folder


def test_a_folder_arrives_part_by_part(client: ModelPress, service: FakeService, store: FakeStore, model: Path) -> None:
    """Every visible file is sent in parts, with its length, and comes together as it was."""
    assert client.upload(model) == URI

    assert service.files == {"config.json": b"{}", "model.safetensors": b"0123456789", "sub/vocab.txt": b"word"}
    assert sorted(len(asked.body) for asked in store.asked) == [2, 2, 4, 4, 4]
    assert all("Transfer-Encoding" not in asked.headers for asked in store.asked)
    assert all("Authorization" not in asked.headers for asked in store.asked)


def test_a_single_file_arrives_under_its_name(client: ModelPress, service: FakeService, model: Path) -> None:
    """A data file needs no folder around it."""
    client.upload(str(model / "sub" / "vocab.txt"))

    assert service.files == {"vocab.txt": b"word"}


def test_a_lost_part_is_sent_again(client: ModelPress, service: FakeService, store: FakeStore, model: Path) -> None:
    """Breaks and passing errors of the store, and of the service between, are not seen by the caller."""
    store.fail_with(HANG_UP, Reply(503))
    service.fail_with(problem(503, "storage_unavailable"))

    assert client.upload(model) == URI
    assert service.files["model.safetensors"] == b"0123456789"


@pytest.mark.usefixtures("in_turn")
def test_expired_links_are_renewed(client: ModelPress, service: FakeService, store: FakeStore, model: Path) -> None:
    """A slow upload outlives its presigned URLs: the part that is refused goes out again with a fresh one."""
    store.fail_with(problem(503, "busy"), Reply(403, b"expired"))

    assert client.upload(model / "model.safetensors") == URI
    assert [asked.query["signature"] for asked in store.asked] == ["first", "first", "fresh", "fresh", "fresh"]


@pytest.mark.parametrize("page_size", [1, 2])
def test_links_come_page_by_page(
    client: ModelPress, service: FakeService, store: FakeStore, model: Path, page_size: int
) -> None:
    """An upload of many files is told their links a page at a time, also where the first have expired."""
    service.upload_page_size = page_size
    for name in ("a.txt", "größe 文件 👩‍🔬.txt", "z.txt"):
        (model / name).write_bytes(b"word")
    store.expired = "first"

    assert client.upload(model) == URI
    assert len(service.files) == 6
    assert service.files["größe 文件 👩‍🔬.txt"] == b"word"


def test_names_are_sent_composed(client: ModelPress, service: FakeService, tmp_path: Path) -> None:
    """A name whose accents are letters of their own, as on macOS, arrives as everybody else writes it."""
    (tmp_path / "gro\u0308\u00dfe.txt").write_bytes(b"word")

    client.upload(tmp_path)

    assert list(service.files) == ["gr\u00f6\u00dfe.txt"]


def test_names_that_cannot_travel_are_refused(client: ModelPress, service: FakeService, tmp_path: Path) -> None:
    """Bytes that are no UTF-8, control characters and names that fall together are refused before anything is sent."""
    for names in ([b"\xff.txt"], [b"a\nb.txt"], [b"a\\b.txt"], ["\u00f6.txt".encode(), "o\u0308.txt".encode()]):
        folder = tmp_path / names[0].hex()
        folder.mkdir()
        for name in names:
            (folder / os.fsdecode(name)).write_bytes(b"word")
        with pytest.raises(errors.UploadRefusedError, match="rename"):
            client.upload(folder)

    assert service.asked == []


@pytest.mark.usefixtures("in_turn")
def test_a_refused_part_is_an_error_of_the_store(client: ModelPress, store: FakeStore, model: Path) -> None:
    """What is refused with a fresh link too will not pass, and is not sent again."""
    store.fail_with(*[Reply(403, b"denied")] * 2)

    with pytest.raises(errors.StorageError, match="denied"):
        client.upload(model)
    assert len(store.asked) == 2


def test_linked_files_are_sent(client: ModelPress, service: FakeService, model: Path, tmp_path: Path) -> None:
    """A hub's cache is made of links to blobs; what they lead to is sent."""
    linked = tmp_path / "snapshot"
    linked.mkdir()
    (linked / "model.safetensors").symlink_to(model / "model.safetensors")

    client.upload(linked)

    assert service.files == {"model.safetensors": b"0123456789"}


def test_empty_and_pickled_files_stay_at_home(client: ModelPress, service: FakeService, model: Path) -> None:
    """They are left out, and the caller is told which and why."""
    (model / "training_args.bin").write_bytes(b"\x80pickle")
    (model / "empty.txt").touch()

    with pytest.warns(UploadWarning) as warned:
        client.upload(model)

    assert sorted(service.files) == ["config.json", "model.safetensors", "sub/vocab.txt"]
    told = sorted(str(each.message) for each in warned)
    assert told == ["Not uploaded (empty): empty.txt", "Not uploaded (pickled, never opened): training_args.bin"]
    assert {each.filename for each in warned} == {__file__}


def test_a_pickled_model_is_refused(client: ModelPress, service: FakeService, model: Path) -> None:
    """The message says how to convert it, and nothing is sent."""
    (model / "model.safetensors").rename(model / "pytorch_model.bin")

    with pytest.raises(errors.UploadRefusedError, match=r"pytorch_model\.bin.*save_pretrained"):
        client.upload(model)
    assert service.asked == []


def test_what_is_not_there_cannot_be_uploaded(client: ModelPress, tmp_path: Path) -> None:
    """A missing path and a folder without usable files say so."""
    with pytest.raises(errors.UploadRefusedError, match="is not there"):
        client.upload(tmp_path / "nowhere")
    with pytest.raises(errors.UploadRefusedError, match="no files"):
        client.upload(tmp_path)


def test_local_paths_are_uploaded_on_the_way(
    client: ModelPress, service: FakeService, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path as model or data becomes an upload's reference; other fields beside it stay."""
    monkeypatch.chdir(model)

    client.compress(model=model, target={"metric": "macs", "ratio": 0.5}, data={"uri": "./sub", "samples": 8})

    assert service.created == [
        {
            "model": {"uri": URI},
            "target": {"metric": "macs", "ratio": 0.5},
            "data": {"uri": URI, "samples": 8},
        }
    ]


def test_data_of_probes_is_uploaded_once(client: ModelPress, service: FakeService, model: Path) -> None:
    """A folder that several probes read goes up once; probes without data are left as they are."""
    probes = [{"probe": "fidelity"}, *({"probe": "regression", "data": model, "label": each} for each in ("a", "b"))]

    client.profile(model="s3://models/x", evaluate=probes)

    sent = [{"probe": "regression", "data": {"uri": URI}, "label": each} for each in ("a", "b")]
    assert service.created == [{"model": {"uri": "s3://models/x"}, "evaluate": [{"probe": "fidelity"}, *sent]}]
    assert [each.path for each in service.asked].count("/v1/uploads") == 1


def test_references_are_sent_as_they_are(client: ModelPress, service: FakeService) -> None:
    """What is not a local path is for the service to judge, and so are unknown fields of a step."""
    steps = [{"technique": "teleportation", "warp": 9}]

    client.compress(model="hf://org/name@main", steps=steps, labels={"team": "speech"})

    expected = {"model": {"uri": "hf://org/name@main"}, "steps": steps, "labels": {"team": "speech"}}
    assert service.created == [expected]


def test_steps_and_target_exclude_each_other(client: ModelPress, service: FakeService, model: Path) -> None:
    """Both or neither is a mistake in the program, found before anything is uploaded."""
    with pytest.raises(TypeError, match="exactly one"):
        client.compress(model=model)
    with pytest.raises(TypeError, match="exactly one"):
        client.compress(model=model, steps=[], target={})
    assert service.asked == []


@pytest.mark.usefixtures("in_turn")
def test_an_interrupted_upload_goes_on(client: ModelPress, service: FakeService, store: FakeStore, model: Path) -> None:
    """Called again, it sends what the store does not have to the upload that was begun, and no more."""
    _interrupt(client, store, model, after=3)
    told: list[tuple[int, int]] = []

    assert client.upload(model, progress=lambda *seen: told.append(seen)) == URI

    assert service.files == {"config.json": b"{}", "model.safetensors": b"0123456789", "sub/vocab.txt": b"word"}
    assert [asked.path for asked in store.asked] == ["/upload/model.safetensors/3", "/upload/sub/vocab.txt/1"]
    assert _begun(service) == 1
    assert told == [(2, 16), (6, 16), (10, 16), (12, 16), (16, 16)]


@pytest.mark.usefixtures("in_turn")
def test_a_finished_upload_is_forgotten(client: ModelPress, service: FakeService, model: Path) -> None:
    """Who uploads again what was uploaded gets a new upload."""
    for _ in range(2):
        client.upload(model)

    assert _begun(service) == 2


@pytest.mark.usefixtures("in_turn")
def test_changed_files_begin_another_upload(
    client: ModelPress, service: FakeService, store: FakeStore, model: Path
) -> None:
    """Nothing of a former content gets mixed into a later one."""
    _interrupt(client, store, model, after=3)
    (model / "config.json").write_bytes(b"[]")

    client.upload(model)

    assert _begun(service) == 2
    assert service.files["config.json"] == b"[]"


@pytest.mark.usefixtures("in_turn")
@pytest.mark.parametrize("fault", [problem(404, "not_found"), problem(409, "upload_conflict")])
def test_an_upload_that_is_gone_is_begun_anew(
    client: ModelPress, service: FakeService, store: FakeStore, model: Path, fault: Reply
) -> None:
    """What was begun may have been cleared away, with all its parts or with some: the caller does not notice."""
    _interrupt(client, store, model, after=3)
    service.fail_with(fault)

    assert client.upload(model) == URI
    assert _begun(service) == 2
    assert len(store.asked) == 5


@pytest.mark.usefixtures("in_turn")
def test_a_journal_that_broke_off_is_of_use(
    client: ModelPress, service: FakeService, store: FakeStore, model: Path
) -> None:
    """A line that was not written whole costs the parts after it, no more."""
    _interrupt(client, store, model, after=3)
    (journal,) = (cache_path() / "uploads").iterdir()
    journal.write_text(journal.read_text()[:-5])

    client.upload(model)

    assert len(store.asked) == 3
    assert service.files["model.safetensors"] == b"0123456789"
    assert list((cache_path() / "uploads").iterdir()) == []


def test_uploads_need_no_cache(client: ModelPress, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be kept, an upload cannot be gone on with, and goes up all the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")

    assert client.upload(model) == URI


def _interrupt(client: ModelPress, store: FakeStore, model: Path, after: int) -> None:
    """Have an upload of *model* fail when *after* parts are sent."""
    begun, keep = len(store.asked), store._answer
    store._answer = lambda asked: keep(asked) if len(store.asked) <= begun + after else HANG_UP
    with pytest.raises(errors.NetworkError):
        client.upload(model)
    store._answer = keep
    store.asked.clear()


def _begun(service: FakeService) -> int:
    return sum((asked.method, asked.path) == ("POST", "/v1/uploads") for asked in service.asked)
