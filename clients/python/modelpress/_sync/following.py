"""A job's events as they happen: server-sent events where the service streams them, else page by page."""

from collections.abc import Iterator

from modelpress import calls
from modelpress._sync.transport import Transport
from modelpress.concurrency import sleep
from modelpress.errors import ApiError, ModelPressError
from modelpress.records import Event, Json
from modelpress.streams import Frames
from modelpress.waiting import Patience

EVENT_STREAM = "text/event-stream"
GONE = "events_gone"  # the code of a problem: some events after the last one read are no longer kept
REFUSALS = frozenset({406, 429, 503})
"""With these a service refuses a stream, but not its pages."""


class Follower:
    """Follows one job; *after* is the last event told, *job* the job as it is now."""

    def __init__(self, transport: Transport, job: Json, after: str | None, patience: Patience) -> None:
        self._transport = transport
        self._patience = patience
        self._streams = True
        self._over = False
        self.after = after
        self.job = job

    def events(self) -> Iterator[Event]:
        """Yield what happens, each event once, until the job has ended and all is told.

        Raises:
            WaitTimeoutError: the patience is at its end; the job goes on.
            ModelPressError: the service refuses to answer, or was out of reach for too long.
        """
        while not self._over:
            try:
                for event in self._streamed() if self._streams else self._paged():
                    yield event
            except ModelPressError as error:
                sleep(self._patience.failed(error))
            if not self._over:
                self._patience.check(f"{self.job['id']} is {self.job['state']}")

    def _streamed(self) -> Iterator[Event]:
        call = calls.list_events(str(self.job["id"]), **calls.given(after=self.after))
        try:
            with self._transport.listen(call, EVENT_STREAM, self._patience.listen()) as lines:
                self._streams = lines is not None
                if lines is not None:
                    for event in self._heard(lines):
                        yield event
            if self._streams and not self._over:
                sleep(self._patience.pause_s())
        except ApiError as refusal:
            if refusal.status not in REFUSALS:
                raise
            self._streams = False

    def _heard(self, lines: Iterator[str]) -> Iterator[Event]:
        frames = Frames()
        for line in lines:
            self._patience.answered()
            frame = frames.read(line)
            if frame is not None and frame.name == "end":
                self.job, self._over = frame.data, True
            elif frame is not None and "id" in frame.data:
                yield self._told(frame.data)
            if self._over or self._patience.is_over:
                return

    def _paged(self) -> Iterator[Event]:
        """Look once at the job, and tell what there is to tell of it."""
        hold_s = self._patience.ask(eager=True)
        request = calls.get_job(str(self.job["id"]), wait=round(hold_s))
        self.job = self._transport.json_once(request, hold_s=hold_s)
        self._patience.answered()
        for document in documents(self._transport, str(self.job["id"]), self.after):
            yield self._told(document)
        self._over = self.job["terminal"] is True
        if not self._over:
            sleep(self._patience.pause_s())

    def _told(self, document: Json) -> Event:
        self.after = str(document["id"])
        if document["type"] == "state":
            self.job = {**self.job, "state": document["data"]["state"]}
        elif document["type"] == "progress":
            self.job = {**self.job, "progress": document["data"]}
        return Event(document)


def documents(transport: Transport, job_id: str, after: str | None) -> Iterator[Json]:
    """Yield the events so far, or those after the event *after*, read page by page."""
    more = True
    while more:
        page = _page(transport, job_id, after)
        for document in page["data"]:
            yield document
            after = str(document["id"])
        more = bool(page.get("has_more") and page["data"])


def _page(transport: Transport, job_id: str, after: str | None) -> Json:
    try:
        return transport.json(calls.list_events(job_id, **calls.given(after=after)))
    except ApiError as error:
        if error.code != GONE:
            raise
        return transport.json(calls.list_events(job_id))  # what is still kept is newer than what was read
