"""A job's events as they happen: server-sent events where the service streams them, else page by page."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modelpress import calls
from modelpress.errors import ApiError
from modelpress.records import Event, Json
from modelpress.transport import Transport
from modelpress.waiting import Patience

EVENT_STREAM = "text/event-stream"
GONE = "events_gone"  # the code of a problem: some events after the last one read are no longer kept
REFUSALS = frozenset({406, 429, 503})
"""With these a service refuses a stream, but not its pages."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a stream."""

    name: str
    data: Json


def frames(lines: Iterable[str]) -> Iterator[Frame | None]:
    """Yield the messages that *lines* make up, and None for what only says that the stream is alive."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield Frame(fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}
        else:
            yield None
            fields = {}


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
            with self._patience.through_failures():
                yield from self._streamed() if self._streams else self._paged()
            if not self._over:
                self._patience.check(f"{self.job['id']} is {self.job['state']}")

    def _streamed(self) -> Iterator[Event]:
        call = calls.list_events(str(self.job["id"]), **calls.given(after=self.after))
        try:
            with self._transport.listen(call, EVENT_STREAM, self._patience.listen()) as lines:
                yield from self._heard(lines)
            if self._streams and not self._over:
                self._patience.pause()
        except ApiError as refusal:
            if refusal.status not in REFUSALS:
                raise
            self._streams = False

    def _heard(self, lines: Iterator[str] | None) -> Iterator[Event]:
        self._streams = lines is not None
        for frame in frames(lines or ()):
            self._patience.answered()
            if frame is not None and frame.name == "end":
                self.job, self._over = frame.data, True
            elif frame is not None and "id" in frame.data:
                yield self._told(frame.data)
            if self._over or self._patience.is_over:
                return

    def _paged(self) -> Iterator[Event]:
        """Look once at the job, and tell what there is to tell of it."""
        hold_s = self._patience.ask(eager=True)
        self.job = self._transport.json_once(calls.get_job(str(self.job["id"]), wait=round(hold_s)), hold_s=hold_s)
        self._patience.answered()
        for document in documents(self._transport, str(self.job["id"]), self.after):
            yield self._told(document)
        self._over = self.job["terminal"] is True
        if not self._over:
            self._patience.pause()

    def _told(self, document: Json) -> Event:
        self.after = str(document["id"])
        if document["type"] == "state":
            self.job = {**self.job, "state": document["data"]["state"]}
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
