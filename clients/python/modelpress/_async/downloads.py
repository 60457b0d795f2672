"""Fetch a job's artifact: in constant memory, resumed where it broke off, kept only if the hashes are right.

Each file grows as a hidden ``.part`` file named after its SHA-256, so that only bytes of the very same content are ever
continued, and gets its own name when its size and SHA-256 are those of the manifest. Several pieces of it are on their
way at once, which far stores reward, and are written and hashed in their order. After a failure the service is asked
for a fresh presigned URL, because the former one may have expired meanwhile.
"""

from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path

from modelpress._async.alone import async_alone_in
from modelpress._async.transport import AsyncTransport
from modelpress.concurrency import AsyncCall, async_in_order, async_in_thread, async_sleep
from modelpress.errors import IntegrityError, ModelPressError, StorageError
from modelpress.progress import Meter
from modelpress.records import Manifest
from modelpress.wanted import Gathered, Piece, Wanted, pieces, wanted_in, write_manifest

PIECES_AT_ONCE = 4
"""As quick as ten, of all numbers tried; the pieces under way are in memory."""


class AsyncDownload:
    """Brings the files of one manifest into a folder.

    *locate* returns a presigned URL for the name of a file; *meter* is told of the bytes that come.
    """

    def __init__(
        self, transport: AsyncTransport, manifest: Manifest, locate: AsyncCall[[str], str], meter: Meter
    ) -> None:
        self._transport = transport
        self._manifest = manifest
        self._locate = locate
        self._meter = meter

    async def into(self, folder: Path) -> None:
        """Fetch what is missing in *folder*, which is made; the manifest comes last, as ``manifest.json``.

        Raises:
            UnsafeNameError: a name leads out of the folder; nothing was written.
            IntegrityError: a file's bytes are not what the manifest promises; that file was not kept.
        """
        wanted = wanted_in(folder, self._manifest)
        async with async_alone_in(folder):
            for each in wanted:
                if await async_in_thread(each.is_complete):
                    self._meter.add(each.size)
                else:
                    await self._fetch(each)
            write_manifest(folder, self._manifest)

    async def _fetch(self, wanted: Wanted) -> None:
        gathered = await async_in_thread(wanted.open)
        resumed = gathered.size > 0
        try:
            await self._gather(wanted, gathered)
        except IntegrityError:
            wanted.part.unlink(missing_ok=True)
            if not resumed:
                raise
            self._meter.add(-gathered.size)  # the bytes of the earlier run may be the bad ones: once more
            await self._fetch(wanted)

    async def _gather(self, wanted: Wanted, gathered: Gathered) -> None:
        """Add what is missing to *gathered*, and accept it."""
        self._meter.add(gathered.size)
        link, coming = _AsyncLink(self._locate, wanted.name), list(pieces(gathered.size, wanted.size))
        fetched = async_in_order(lambda piece: self._fetched(wanted, piece, link), coming, PIECES_AT_ONCE)
        try:
            async with aclosing(fetched):
                async for piece in fetched:
                    await async_in_thread(gathered.add, piece)
        finally:
            for piece in coming:
                piece.end()
                if piece.start == gathered.size:  # the first that is not whole: what there is of it is of use
                    gathered.add(piece)
            gathered.close()
        gathered.accept()

    async def _fetched(self, wanted: Wanted, piece: Piece, link: "_AsyncLink") -> Piece:
        """Return *piece* when it is whole; give up after as many tries in a row as brought nothing new."""
        failures, refused = 0, False
        while piece.missing:
            before, url = piece.at, await link.url()
            try:
                await self._continue(wanted, piece, url)
            except ModelPressError as error:
                link.forget(url)
                if isinstance(error, StorageError) and error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise _too_short(wanted) from error
                failures = 1 if piece.at > before else failures + 1
                expired = isinstance(error, StorageError) and error.status == HTTPStatus.FORBIDDEN and not refused
                if self._transport.retry.gives_up(failures, error) and not expired:
                    raise
                refused |= expired
                await async_sleep(self._transport.retry.delay_s(failures, error))
        return piece

    async def _continue(self, wanted: Wanted, piece: Piece, url: str) -> None:
        """Add what the store has to *piece*, until that is whole."""
        async with self._transport.stream(url, piece.byte_range(wanted.size)) as response:
            skipped = piece.at if response.status_code == HTTPStatus.OK else 0  # a store that knows no ranges
            async for chunk in response.aiter_raw():
                kept = chunk[skipped:]
                skipped -= len(chunk) - len(kept)
                added = piece.add(kept)
                self._meter.add(added)
                if added < len(kept):  # the rest belongs to other pieces
                    return
        if piece.missing:
            raise _too_short(wanted)


class _AsyncLink:
    """The presigned URL of one file, asked for when it is needed."""

    def __init__(self, locate: AsyncCall[[str], str], name: str) -> None:
        self._locate = locate
        self._name = name
        self._url: str | None = None

    async def url(self) -> str:
        """Return the URL."""
        if self._url is None:
            self._url = await self._locate(self._name)
        return self._url

    def forget(self, url: str) -> None:
        """Ask for another the next time, unless *url* has been replaced already."""
        if self._url == url:
            self._url = None


def _too_short(wanted: Wanted) -> IntegrityError:
    return IntegrityError(f"{wanted.name}: the store does not hold the {wanted.size} bytes of the manifest.")
