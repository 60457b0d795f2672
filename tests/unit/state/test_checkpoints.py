"""What an attempt leaves unfinished comes back to a later one whole and its own, or not at all."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import StorageError
from jobs.state.checkpoints import Checkpoints
from jobs.state.records import Job, Lease

JOB = Job("job_1", "acme", "compression", {"steps": []}, *[datetime(2030, 1, 1, tzinfo=UTC)] * 2)
BASE = "tenants/acme/jobs/job_1/attempts/1/checkpoints/steps/"


def attempt(store: MemoryStore, number: int, *, model: str = "aa", **options: Any) -> Checkpoints:
    """Return the checkpoints of one attempt."""
    return Checkpoints(
        store, Lease(JOB, number, "token"), {"model": model}, after_s=options.pop("after_s", 0), **options
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return a folder of unfinished work."""
    folder = tmp_path / "made"
    (folder / "model").mkdir(parents=True)
    (folder / "steps.json").write_text("[1]")
    (folder / "model" / "weights").write_bytes(b"weights")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return an empty folder."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def test_the_newest_comes_back(memory: MemoryStore, made: Path, place: Path) -> None:
    """An attempt's newer checkpoint takes the older one's place; a later attempt's comes first."""
    first = attempt(memory, 1)
    first.keep("steps", made)
    (made / "steps.json").write_text("[1, 2]")
    first.keep("steps", made)

    assert {info.key.removeprefix(BASE).split("/")[0] for info in memory.list(BASE)} == {"2"}
    assert attempt(memory, 3).fetch("steps", place)
    assert (place / "steps.json").read_text() == "[1, 2]"
    assert (place / "model" / "weights").read_bytes() == b"weights"
    (made / "steps.json").write_text("[1, 2, 3]")
    attempt(memory, 2).keep("steps", made)
    assert attempt(memory, 3).fetch("steps", place)
    assert (place / "steps.json").read_text() == "[1, 2, 3]"
    assert not attempt(memory, 3).fetch("recovery", place)


def test_what_is_of_something_else_is_left(memory: MemoryStore, made: Path, place: Path) -> None:
    """Another model, another request or a newer schema: nothing comes."""
    attempt(memory, 1).keep("steps", made)

    assert not attempt(memory, 2, model="bb").fetch("steps", place)
    assert list(place.iterdir()) == []
    memory.put(f"{BASE}1/manifest.json", memory.get(f"{BASE}1/manifest.json").replace(b"/v1", b"/v2"))
    assert not attempt(memory, 2).fetch("steps", place)


@pytest.mark.parametrize("fault", ["spoilt", "missing", "no manifest"])
def test_what_is_not_whole_gives_way_to_what_is(memory: MemoryStore, made: Path, place: Path, fault: str) -> None:
    """A file that is not what was kept, or a checkpoint that was never finished: the one before it comes."""
    attempt(memory, 1).keep("steps", made)
    (made / "steps.json").write_text("[1, 2]")
    attempt(memory, 2).keep("steps", made)
    newer = f"{BASE.replace('/1/', '/2/')}1/"
    match fault:
        case "spoilt":
            memory.put(f"{newer}model/weights", b"weightS")
        case "missing":
            memory.delete(f"{newer}model/weights")
        case _:
            memory.delete(f"{newer}manifest.json")

    assert attempt(memory, 3).fetch("steps", place)
    assert (place / "steps.json").read_text() == "[1]"


def test_a_store_that_fails_is_no_hindrance(made: Path, place: Path) -> None:
    """Nothing is kept, nothing comes, and the work goes on."""

    class Failing(MemoryStore):
        """A store that is away."""

        def upload_file(self, key: str, path: Path) -> Any:
            """Fail."""
            raise StorageError("away")

        def folders(self, prefix: str) -> Any:
            """Fail."""
            raise StorageError("away")

    attempt(Failing(), 1).keep("steps", made)

    assert not attempt(Failing(), 2).fetch("steps", place)


def test_short_work_keeps_nothing(clock: Clock) -> None:
    """A checkpoint is due after so much work, counted anew each time; at once where the end is near."""

    def seconds() -> float:
        return clock.now.timestamp()

    store = MemoryStore()
    calm = attempt(store, 1, after_s=60, clock=seconds)
    clock.pass_seconds(59)

    assert not calm.due()
    assert attempt(store, 1, after_s=60, clock=seconds, urgent=lambda: True).due()
    clock.pass_seconds(1)
    assert calm.due()


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"{}", b'{"schema": 1}', b'{"schema": %s, "identity": %s, "files": 3}', b'{"files": [{"path": 1}]}'],
)
def test_a_manifest_that_cannot_be_read(memory: MemoryStore, made: Path, place: Path, manifest: bytes) -> None:
    """Spoilt, or of another release, it costs what it tells of and no more: the one before comes back."""
    attempt(memory, 1).keep("steps", made)
    kept = json.loads(memory.get(f"{BASE}1/manifest.json"))
    facts = tuple(json.dumps(kept[name]).encode() for name in ("schema", "identity"))
    second = BASE.replace("attempts/1", "attempts/2")
    memory.put(f"{second}1/manifest.json", manifest % facts if b"%s" in manifest else manifest)
    memory.put(f"{second}draft/manifest.json", b"{}")

    assert attempt(memory, 3).fetch("steps", place)
    assert (place / "steps.json").read_text() == "[1]"


def test_nothing_is_written_outside_the_folder(memory: MemoryStore, made: Path, place: Path) -> None:
    """A manifest that names a file elsewhere on the disk is not used."""
    attempt(memory, 1).keep("steps", made)
    place_of = f"{BASE}1/manifest.json"
    memory.put(f"{BASE}1/../escaped", b"weights")
    memory.put(place_of, memory.get(place_of).replace(b"steps.json", b"../escaped"))

    assert not attempt(memory, 2).fetch("steps", place)
    assert not (place.parent / "escaped").exists()
