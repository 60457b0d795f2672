"""Send a local model folder or data file to the service's store, part by part, by presigned URLs.

Several parts are on their way at once. Called again after an interruption, it goes on with the upload that was begun,
and sends only what the store does not have.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from pathlib import Path

from modelpress import calls
from modelpress._async.transport import AsyncTransport
from modelpress.concurrency import async_in_order
from modelpress.errors import ConflictError, NotFoundError, StorageError
from modelpress.files import CHUNK_BYTES
from modelpress.journal import Journal
from modelpress.listing import Part, files_to_send, parts_of
from modelpress.progress import Meter, Progress, metered
from modelpress.records import Json

PARTS_AT_ONCE = 4


async def async_upload(transport: AsyncTransport, path: Path, progress: Progress) -> str:
    """Send the file, or the files of the folder, at *path*; return the ``upload://`` reference.

    Raises:
        UploadRefusedError: there is nothing to send.
    """
    files = files_to_send(path)
    journal = Journal.of(transport.base_url, files)
    resumed = journal.upload_id is not None
    with metered(progress, f"Uploading {path.name}", sum(file.stat().st_size for file in files.values())) as meter:
        try:
            return await _sent(transport, files, journal, meter)
        except (ConflictError, NotFoundError, StorageError) as error:
            if not resumed or (isinstance(error, StorageError) and error.status != HTTPStatus.NOT_FOUND):
                raise
            journal.forget()  # what was begun is no longer there: all of it once more
            meter.restart()
            return await _sent(transport, files, journal, meter)


async def _sent(transport: AsyncTransport, files: dict[str, Path], journal: Journal, meter: Meter) -> str:
    document = await _document(transport, files, journal)
    if document["state"] == "complete":  # all but the journal's end was done
        journal.forget()
        return str(document["uri"])
    opened = _AsyncOpened(transport, document, journal, meter)
    sending = async_in_order(opened.send, parts_of(files, opened.part_bytes), PARTS_AT_ONCE)
    sent: dict[str, list[Json]] = {name: [] for name in files}
    async with aclosing(sending):
        async for part, etag in sending:
            sent[part.name].append({"number": part.number, "etag": etag})
    listed = [{"path": name, "parts": parts} for name, parts in sent.items()]
    done = await transport.json(calls.complete_upload(opened.id, body=calls.body({"files": listed})))
    journal.forget()
    return str(done["uri"])


async def _document(transport: AsyncTransport, files: dict[str, Path], journal: Journal) -> Json:
    """Return the upload to send to: the one that was begun, else a new one."""
    if journal.upload_id is not None:
        return await transport.json(calls.get_upload(journal.upload_id))
    listing = [{"path": name, "bytes": file.stat().st_size} for name, file in files.items()]
    document = await transport.json(calls.once(calls.create_upload(body=calls.body({"files": listing}))))
    journal.begin(document["id"])
    return document


class _AsyncOpened:
    """An upload that waits for its parts.

    Their URLs come some files at a time, hold for some minutes, and are renewed when the store says so.
    """

    def __init__(self, transport: AsyncTransport, document: Json, journal: Journal, meter: Meter) -> None:
        self._transport = transport
        self._journal = journal
        self._meter = meter
        self._urls = _part_urls(document)
        self.part_bytes = int(document["part_bytes"])
        self.id = str(document["id"])

    async def send(self, part: Part) -> tuple[Part, str]:
        """Send *part* unless the store has it; return it with the store's name for it."""
        etag = self._journal.etags.get((part.name, part.number))
        if etag is None:
            etag = await self._put(part)
            self._journal.sent(part.name, part.number, etag)
        self._meter.add(part.length)
        return part, etag

    async def _put(self, part: Part) -> str:
        body, named = partial(_async_bytes, part), (part.name, part.number)
        try:
            if (url := self._urls.get(named)) is not None:
                return await self._transport.put(url, body, part.length)
        except StorageError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
        self._urls = urls = _part_urls(await self._transport.json(calls.get_upload(self.id, offset=part.index)))
        return await self._transport.put(urls[named], body, part.length)  # others put theirs in place meanwhile


async def _async_bytes(part: Part) -> AsyncIterator[bytes]:
    """Yield the bytes of *part*, chunk by chunk."""
    with part.file.open("rb") as file:
        file.seek(part.start)
        left = part.length
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _part_urls(document: Json) -> dict[tuple[str, int], str]:
    return {(file["path"], part["number"]): part["url"] for file in document["files"] for part in file["parts"]}
