"""The client that keeps nobody waiting: the same surface, the same behaviour."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from client_fakes import JOB, KEY, QUICK, FakeService, FakeStore, event, job
from client_loopback import HANG_UP, Reply, problem
from modelpress import AsyncJob, AsyncModelPress, Event, Job, ModelPress, errors, wanted
from modelpress._async import uploads

Press = Callable[[AsyncModelPress], Awaitable[None]]
STEPS = [{"technique": "head_pruning", "heads_removed": 0.5}]


def using(service: FakeService, script: Press) -> None:
    """Run *script* with a client of *service*."""

    async def run() -> None:
        """Open the client in the loop that uses it."""
        async with AsyncModelPress(service.url, KEY, timeout=5, retry=QUICK) as press:
            await script(press)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("quick", "blocking"),
    [
        (AsyncModelPress, ModelPress),
        (AsyncJob, Job),
        (type(AsyncModelPress("http://x", "y").webhooks), type(ModelPress("http://x", "y").webhooks)),
    ],
)
def test_both_clients_have_the_same_surface(quick: type, blocking: type) -> None:
    """Every method has its twin with the same arguments, which says the same of itself."""
    names = {name for name in vars(blocking) if not name.startswith("_")}
    twins = {name for name in vars(quick) if not name.startswith("_")}

    assert names == twins
    for name in names:
        ours, theirs = getattr(quick, name), getattr(blocking, name)
        assert inspect.getdoc(ours) == inspect.getdoc(theirs)
        if not isinstance(theirs, property):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
            assert inspect.iscoroutinefunction(ours) or inspect.isasyncgenfunction(ours)


def test_a_job_from_upload_to_download(service: FakeService, tmp_path: Path) -> None:
    """A local model goes up, its job is waited for with each event once, and the result comes down."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes(b"{}")
    (model / "model.safetensors").write_bytes(b"0123456789")
    service.story = [job("queued"), job("running"), job("succeeded")]
    service.events = [event(number) for number in range(3)]
    service.report = {"warnings": ["mind this"]}
    service.publish("model.safetensors", b"abc" * 1000)
    told: list[Event] = []

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        started = await press.compress(model=model, steps=STEPS)
        assert await started.wait(timeout=20, on_event=told.append) is started
        assert started.state == "succeeded"
        assert (await started.report()).warnings == ("mind this",)
        assert await started.download(tmp_path / "out") == tmp_path / "out"

    using(service, script)

    assert service.files == {"config.json": b"{}", "model.safetensors": b"0123456789"}
    assert [each.id for each in told] == [each["id"] for each in service.events]
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == b"abc" * 1000


def test_events_and_pages_are_iterated(service: FakeService) -> None:
    """Jobs come over all pages, events too, and as a stream until the job's end."""
    service.events = [event(number) for number in range(5)]

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        assert [each.state async for each in press.jobs()] == ["running", "failed", "queued"]
        found = await press.job(JOB)
        assert [each.id async for each in found.events()] == [each["id"] for each in service.events]
        service.streams = True
        async with aclosing(found.events(follow=True, after="0002-0")) as rest:
            assert [each.id async for each in rest] == ["0003-0", "0004-0"]

    using(service, script)


def test_failures_are_tried_again(service: FakeService, store: FakeStore, tmp_path: Path) -> None:
    """Breaks of both connections pass, what does not pass is raised by its name."""
    service.publish("model.safetensors", bytes(5000))

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        service.fail_with(HANG_UP, problem(503, "not_ready"))
        found = await press.job(JOB)
        store.fail_with(Reply(200, bytes(5000), cut_after=1000), HANG_UP)
        await found.download(tmp_path)
        service.fail_with(problem(404, "not_found"))
        with pytest.raises(errors.NotFoundError):
            await press.job(JOB)

    using(service, script)

    assert (tmp_path / "model.safetensors").read_bytes() == bytes(5000)


def test_others_go_on_during_a_wait(service: FakeService) -> None:
    """While one task waits, the loop is free; the wait's own timeout leaves the job alone."""
    service.story = [job("running")]

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        found = await press.job(JOB)
        waiting = asyncio.ensure_future(found.wait(timeout=0.3))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 5
        with pytest.raises(errors.WaitTimeoutError, match="goes on"):
            await waiting

    using(service, script)

    assert not any(asked.path.endswith("/cancel") for asked in service.asked)


def test_a_cancelled_wait_says_how_to_find_the_job(service: FakeService) -> None:
    """The task ends, the job does not, and the traceback has its id."""
    service.story = [job("running")]

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        waiting = asyncio.ensure_future((await press.job(JOB)).wait())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError) as stopped:
            await waiting
        assert JOB in stopped.value.__notes__[0]

    using(service, script)


def test_two_tasks_download_into_one_folder_in_turn(
    service: FakeService, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that waits for the folder does not keep the one that has it from going on."""
    monkeypatch.setattr(wanted, "PIECE_BYTES", 1000)
    service.publish("model.safetensors", bytes(5000))

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        found = await press.job(JOB)
        await asyncio.gather(*(found.download(tmp_path) for _ in range(3)))

    using(service, script)

    assert (tmp_path / "model.safetensors").read_bytes() == bytes(5000)
    assert len(store.asked) == 5


def test_an_interrupted_upload_goes_on(
    service: FakeService, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a task was cancelled in the middle, the next sends what is missing."""
    monkeypatch.setattr(uploads, "PARTS_AT_ONCE", 1)
    (tmp_path / "model.safetensors").write_bytes(b"0123456789")
    store.fail_with(Reply(headers={"ETag": '"first"'}), *[HANG_UP] * 3)

    async def script(press: AsyncModelPress) -> None:
        """Do it as a caller would."""
        with pytest.raises(errors.NetworkError):
            await press.upload(tmp_path)
        store.objects["/upload/model.safetensors/1"] = b"0123"
        await press.upload(tmp_path)

    using(service, script)

    assert service.files == {"model.safetensors": b"0123456789"}
    assert [asked.path[-1] for asked in store.asked] == ["1", "2", "2", "2", "2", "3"]
