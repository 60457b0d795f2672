"""One job: look, wait, cancel, fetch the result."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

from modelpress import calls
from modelpress._async.downloads import AsyncDownload
from modelpress._async.following import AsyncFollower, async_documents
from modelpress._async.transport import AsyncTransport
from modelpress.concurrency import async_sleep
from modelpress.errors import ApiError, IntegrityError, JobFailedError, ModelPressError
from modelpress.progress import JobBar, Progress, is_wanted, metered
from modelpress.records import Event, Manifest, Record
from modelpress.report import Report
from modelpress.waiting import Patience

OnEvent = Callable[[Event], None]
NO_RESULT = "no_result"  # the code of a problem: the job ended without a report


class AsyncJob:
    """A job of the service, as it was when last looked at.

    Nothing here knows the list of states: whether a job is over is what the service says in ``terminal``.
    """

    def __init__(self, transport: AsyncTransport, document: Mapping[str, Any]) -> None:
        self._transport = transport
        self._document = document
        self._seen: str | None = None  # the last event given to an on_event callback

    @property
    def id(self) -> str:
        """Return the id, ``job_…``."""
        return str(self._document["id"])

    @property
    def state(self) -> str:
        """Return where the job is in its life: ``queued``, ``running``, ``succeeded``, ``failed`` and so on."""
        return str(self._document["state"])

    status = state

    @property
    def terminal(self) -> bool:
        """Return whether the job has ended, in whatever way."""
        return self._document["terminal"] is True

    @property
    def progress(self) -> Record | None:
        """Return stage, step, steps and fraction while the job runs."""
        return self._part("progress")

    @property
    def error(self) -> Record | None:
        """Return code, message, stage, retryable and attempt if the job ended without a result."""
        return self._part("error")

    @property
    def record(self) -> Record:
        """Return all that the service says of the job: request, labels, times and the rest."""
        return Record(self._document)

    async def refresh(self) -> Self:
        """Look again; return the job itself."""
        self._document = await self._transport.json(calls.get_job(self.id))
        return self

    async def wait(
        self, timeout: float | None = None, on_event: OnEvent | None = None, *, progress: bool | None = None
    ) -> Self:
        """Wait until the job has ended, in whatever way, and return the job itself; a failed job is not an exception.

        *timeout* is in seconds; without it, the wait lasts as long as the job, and through network failures.
        *on_event* gets every event of the job once, in order, the last ones too; further waits go on where it stopped.
        *progress* says whether to show a bar: without it, in a terminal or a notebook, unless there is *on_event*.
        Whatever ends the wait before the job, Ctrl-C also, leaves the job alone.

        Raises:
            WaitTimeoutError: the timeout ran out (also a ``TimeoutError``); the job goes on.
            ModelPressError: the service refuses to answer, or was out of reach for a quarter of an hour.
        """
        patience = Patience(timeout, self._transport.retry)
        shown = is_wanted(progress) if progress is not None or on_event is None else False
        try:
            if shown:
                await self._show(on_event, patience)
            elif on_event is not None:
                await self._tell(on_event, patience)
            else:
                await self._watch(patience)
        except BaseException as stopped:
            if not isinstance(stopped, Exception):  # Ctrl-C, or the end of a task
                stopped.add_note(f"{self.id} goes on. The client's job({self.id!r}) finds it again, to wait or cancel.")
            raise
        return self

    async def events(self, after: str | None = None, *, follow: bool = False) -> AsyncIterator[Event]:
        """Yield the events so far, oldest first, or those after the event with the id *after*.

        With *follow*, go on as things happen until the job has ended, through network failures: each event comes once.
        """
        if not follow:
            async for document in async_documents(self._transport, self.id, after):
                yield Event(document)
            return
        follower = AsyncFollower(self._transport, dict(self._document), after, Patience(None, self._transport.retry))
        async for event in follower.events():
            self._document = follower.job
            yield event
        self._document = follower.job

    async def cancel(self) -> Self:
        """Ask for the job's end and return the job itself; asking again, or too late, does no harm."""
        self._document = await self._transport.json(calls.cancel_job(self.id))
        return self

    async def retry(self) -> "AsyncJob":
        """Try again what ended without a result; return the new job, whose ``record.retry_of`` is this one's id.

        Asking again returns the same one. Raises ``ConflictError`` while this job goes on, and when it has succeeded.
        """
        return AsyncJob(self._transport, await self._transport.json(calls.retry_job(self.id)))

    async def report(self) -> Report:
        """Return the figures of the result, or those that a plan foresees.

        Raises:
            NotReadyError: the job has not ended.
            JobFailedError: it ended without a result.
        """
        return Report(await self._result(calls.get_report(self.id)))

    async def so_far(self) -> Report:
        """Return what a landscape has come to by now, whether or not every point has ended.

        Raises:
            NotFoundError: the job is no landscape.
        """
        return Report(await self._transport.json(calls.get_landscape(self.id)))

    async def artifacts(self) -> Manifest:
        """Return the list of the result's files; raises as ``report`` does."""
        return Manifest(await self._result(calls.get_manifest(self.id)))

    async def download(self, folder: str | Path, *, progress: Progress = None) -> Path:
        """Bring the result's files into *folder* and return it; what is there already is not fetched again.

        *progress* says whether to show a bar, or is a function that is told the bytes that are there, and all;
        without it, there is a bar in a terminal or a notebook.

        Raises:
            IntegrityError: a file is not what the manifest promises; it was not kept.
            NotReadyError: the job has not ended.
            JobFailedError: it ended without a result.
        """
        target = Path(folder)
        manifest = await self.artifacts()
        with metered(progress, f"Downloading {self.id}", sum(each.bytes for each in manifest.files)) as meter:
            await AsyncDownload(self._transport, manifest, self._locate, meter).into(target)
        return target

    async def _watch(self, patience: Patience) -> None:
        """Ask how the job is until it has ended."""
        while True:
            try:
                await self._look(patience)
                if self.terminal:
                    return
                await async_sleep(patience.pause_s())
            except ModelPressError as error:
                await async_sleep(patience.failed(error))
            patience.check(f"{self.id} is {self.state}")

    async def _look(self, patience: Patience) -> None:
        """Ask once how the job is."""
        hold_s = patience.ask()
        self._document = await self._transport.json_once(calls.get_job(self.id, wait=round(hold_s)), hold_s=hold_s)
        patience.answered()

    async def _tell(self, on_event: OnEvent, patience: Patience) -> None:
        """Hand every event over until the job has ended."""
        follower = AsyncFollower(self._transport, dict(self._document), self._seen, patience)
        async for event in follower.events():
            self._document, self._seen = follower.job, str(event.id)
            on_event(event)
        self._document = follower.job

    async def _show(self, on_event: OnEvent | None, patience: Patience) -> None:
        """Show a bar until the job has ended, and hand events over where somebody wants them."""
        bar = JobBar()

        def show(event: Event) -> None:
            bar.show(self._document)
            if on_event is not None:
                on_event(event)

        try:
            await self._tell(show, patience)
            bar.show(self._document)
        finally:
            bar.close()

    async def _result(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._transport.json(request)
        except ApiError as problem:
            if problem.code == NO_RESULT:
                await self.refresh()
                raise self._failure() from problem
            raise

    def _failure(self) -> JobFailedError:
        error = self._document.get("error") or {"code": self.state, "message": f"The job was {self.state}."}
        return JobFailedError(error["code"], error["message"], error.get("stage"))

    async def _locate(self, name: str) -> str:
        """Return the presigned URL of one of the result's files."""
        response = await self._transport.call(calls.get_artifact(self.id, name))
        if "Location" not in response.headers:
            raise IntegrityError(f"Expected a redirect to the file {name}; got status {response.status_code}.")
        return str(response.headers["Location"])

    def _part(self, name: str) -> Record | None:
        document = self._document.get(name)
        return None if document is None else Record(document)

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.state}>"
