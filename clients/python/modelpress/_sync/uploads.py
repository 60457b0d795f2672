"""Send a local model folder or data file to the service's store, part by part, by presigned URLs.

Several parts are on their way at once. Called again after an interruption, it goes on with the upload that was begun,
and sends only what the store does not have.
"""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http import HTTPStatus
from pathlib import Path

from modelpress import calls
from modelpress._sync.transport import Transport
from modelpress.concurrency import in_order
from modelpress.errors import ConflictError, NotFoundError, StorageError
from modelpress.files import CHUNK_BYTES
from modelpress.journal import Journal
from modelpress.listing import Part, files_to_send, parts_of
from modelpress.progress import Meter, Progress, metered
from modelpress.records import Json

PARTS_AT_ONCE = 4


def upload(transport: Transport, path: Path, progress: Progress) -> str:
    """Send the file, or the files of the folder, at *path*; return the ``upload://`` reference.

    Raises:
        UploadRefusedError: there is nothing to send.
    """
    files = files_to_send(path)
    journal = Journal.of(transport.base_url, files)
    resumed = journal.upload_id is not None
    with metered(progress, f"Uploading {path.name}", sum(file.stat().st_size for file in files.values())) as meter:
        try:
            return _sent(transport, files, journal, meter)
        except (ConflictError, NotFoundError, StorageError) as error:
            if not resumed or (isinstance(error, StorageError) and error.status != HTTPStatus.NOT_FOUND):
                raise
            journal.forget()  # what was begun is no longer there: all of it once more
            meter.restart()
            return _sent(transport, files, journal, meter)


def _sent(transport: Transport, files: dict[str, Path], journal: Journal, meter: Meter) -> str:
    document = _document(transport, files, journal)
    if document["state"] == "complete":  # all but the journal's end was done
        journal.forget()
        return str(document["uri"])
    opened = _Opened(transport, document, journal, meter)
    sending = in_order(opened.send, parts_of(files, opened.part_bytes), PARTS_AT_ONCE)
    sent: dict[str, list[Json]] = {name: [] for name in files}
    with closing(sending):
        for part, etag in sending:
            sent[part.name].append({"number": part.number, "etag": etag})
    listed = [{"path": name, "parts": parts} for name, parts in sent.items()]
    done = transport.json(calls.complete_upload(opened.id, body=calls.body({"files": listed})))
    journal.forget()
    return str(done["uri"])


def _document(transport: Transport, files: dict[str, Path], journal: Journal) -> Json:
    """Return the upload to send to: the one that was begun, else a new one."""
    if journal.upload_id is not None:
        return transport.json(calls.get_upload(journal.upload_id))
    listing = [{"path": name, "bytes": file.stat().st_size} for name, file in files.items()]
    document = transport.json(calls.once(calls.create_upload(body=calls.body({"files": listing}))))
    journal.begin(document["id"])
    return document


class _Opened:
    """An upload that waits for its parts.

    Their URLs come some files at a time, hold for some minutes, and are renewed when the store says so.
    """

    def __init__(self, transport: Transport, document: Json, journal: Journal, meter: Meter) -> None:
        self._transport = transport
        self._journal = journal
        self._meter = meter
        self._urls = _part_urls(document)
        self.part_bytes = int(document["part_bytes"])
        self.id = str(document["id"])

    def send(self, part: Part) -> tuple[Part, str]:
        """Send *part* unless the store has it; return it with the store's name for it."""
        etag = self._journal.etags.get((part.name, part.number))
        if etag is None:
            etag = self._put(part)
            self._journal.sent(part.name, part.number, etag)
        self._meter.add(part.length)
        return part, etag

    def _put(self, part: Part) -> str:
        body, named = partial(_bytes, part), (part.name, part.number)
        try:
            if (url := self._urls.get(named)) is not None:
                return self._transport.put(url, body, part.length)
        except StorageError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
        self._urls = urls = _part_urls(self._transport.json(calls.get_upload(self.id, offset=part.index)))
        return self._transport.put(urls[named], body, part.length)  # others put theirs in place meanwhile


def _bytes(part: Part) -> Iterator[bytes]:
    """Yield the bytes of *part*, chunk by chunk."""
    with part.file.open("rb") as file:
        file.seek(part.start)
        left = part.length
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _part_urls(document: Json) -> dict[tuple[str, int], str]:
    return {(file["path"], part["number"]): part["url"] for file in document["files"] for part in file["parts"]}
