"""A job's events as they happen: server-sent events where the service streams them, else page by page."""

from collections.abc import AsyncIterator

from modelpress import calls
from modelpress._async.transport import AsyncTransport
from modelpress.concurrency import async_sleep
from modelpress.errors import ApiError, ModelPressError
from modelpress.records import Event, Json
from modelpress.streams import Frames
from modelpress.waiting import Patience

EVENT_STREAM = "text/event-stream"
GONE = "events_gone"  # the code of a problem: some events after the last one read are no longer kept
REFUSALS = frozenset({406, 429, 503})
"""With these a service refuses a stream, but not its pages."""


class AsyncFollower:
    """Follows one job; *after* is the last event told, *job* the job as it is now."""

    def __init__(self, transport: AsyncTransport, job: Json, after: str | None, patience: Patience) -> None:
        self._transport = transport
        self._patience = patience
        self._streams = True
        self._over = False
        self.after = after
        self.job = job

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, each event once, until the job has ended and all is told.

        Raises:
            WaitTimeoutError: the patience is at its end; the job goes on.
            ModelPressError: the service refuses to answer, or was out of reach for too long.
        """
        while not self._over:
            try:
                async for event in self._streamed() if self._streams else self._paged():
                    yield event
            except ModelPressError as error:
                await async_sleep(self._patience.failed(error))
            if not self._over:
                self._patience.check(f"{self.job['id']} is {self.job['state']}")

    async def _streamed(self) -> AsyncIterator[Event]:
        call = calls.list_events(str(self.job["id"]), **calls.given(after=self.after))
        try:
            async with self._transport.listen(call, EVENT_STREAM, self._patience.listen()) as lines:
                self._streams = lines is not None
                if lines is not None:
                    async for event in self._heard(lines):
                        yield event
            if self._streams and not self._over:
                await async_sleep(self._patience.pause_s())
        except ApiError as refusal:
            if refusal.status not in REFUSALS:
                raise
            self._streams = False

    async def _heard(self, lines: AsyncIterator[str]) -> AsyncIterator[Event]:
        frames = Frames()
        async for line in lines:
            self._patience.answered()
            frame = frames.read(line)
            if frame is not None and frame.name == "end":
                self.job, self._over = frame.data, True
            elif frame is not None and "id" in frame.data:
                yield self._told(frame.data)
            if self._over or self._patience.is_over:
                return

    async def _paged(self) -> AsyncIterator[Event]:
        """Look once at the job, and tell what there is to tell of it."""
        hold_s = self._patience.ask(eager=True)
        request = calls.get_job(str(self.job["id"]), wait=round(hold_s))
        self.job = await self._transport.json_once(request, hold_s=hold_s)
        self._patience.answered()
        async for document in async_documents(self._transport, str(self.job["id"]), self.after):
            yield self._told(document)
        self._over = self.job["terminal"] is True
        if not self._over:
            await async_sleep(self._patience.pause_s())

    def _told(self, document: Json) -> Event:
        self.after = str(document["id"])
        if document["type"] == "state":
            self.job = {**self.job, "state": document["data"]["state"]}
        elif document["type"] == "progress":
            self.job = {**self.job, "progress": document["data"]}
        return Event(document)


async def async_documents(transport: AsyncTransport, job_id: str, after: str | None) -> AsyncIterator[Json]:
    """Yield the events so far, or those after the event *after*, read page by page."""
    more = True
    while more:
        page = await _page(transport, job_id, after)
        for document in page["data"]:
            yield document
            after = str(document["id"])
        more = bool(page.get("has_more") and page["data"])


async def _page(transport: AsyncTransport, job_id: str, after: str | None) -> Json:
    try:
        return await transport.json(calls.list_events(job_id, **calls.given(after=after)))
    except ApiError as error:
        if error.code != GONE:
            raise
        return await transport.json(calls.list_events(job_id))  # what is still kept is newer than what was read
