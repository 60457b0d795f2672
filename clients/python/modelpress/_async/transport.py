"""HTTP with finite timeouts and retries: the one place that speaks to the network.

Every call is sent again after a broken connection, a timeout, and the answers 429, 502, 503 and 504. That starts
nothing twice: a call that creates something carries an ``Idempotency-Key``, the same in every try.

Between tries it waits with exponential growth and jitter, and never less than ``Retry-After``.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from httpx import Response

from modelpress.answers import check_service, check_store, json_object, network_errors
from modelpress.concurrency import AsyncCall, AsyncConnection, async_sleep
from modelpress.errors import ModelPressError
from modelpress.records import Json
from modelpress.retrying import Retry
from modelpress.settings import Settings

T = TypeVar("T")


class AsyncTransport:
    """Calls to the service, which carry the API key, and to its object store, which never sees it."""

    def __init__(self, settings: Settings, timeout_s: float, retry: Retry) -> None:
        self.base_url = settings.base_url
        self.retry = retry
        self.timeout_s = timeout_s
        agent = {"User-Agent": "modelpress-client"}
        bearer = {"Authorization": f"Bearer {settings.api_key}", "Accept": "application/json"}
        trust = httpx.create_ssl_context()  # reading all root certificates takes a while: once for both
        self._api = AsyncConnection(base_url=settings.base_url, headers=agent | bearer, timeout=timeout_s, verify=trust)
        self._store = AsyncConnection(headers=agent, timeout=timeout_s, verify=trust)

    async def close(self) -> None:
        """Close every connection."""
        await self._api.aclose()
        await self._store.aclose()

    async def call(self, request: Json) -> Response:
        """Return the answer to *request*, the keyword arguments of an httpx request, after retries.

        Raises:
            ApiError: the service answered with an error.
            NetworkError: it did not answer.
        """
        return await self._again(lambda: self._call_once(request))

    async def json(self, request: Json) -> Json:
        """Return the JSON object in the answer to *request*; everything else as in ``call``."""
        return json_object(await self.call(request))

    async def json_once(self, request: Json, *, hold_s: float = 0.0) -> Json:
        """Return the JSON object in the answer to *request*, without retries: whoever waits has its own.

        *hold_s* is how long the service may hold the answer back, on top of the timeout [s].
        """
        return json_object(await self._call_once(request, hold_s))

    @asynccontextmanager
    async def listen(
        self, request: Json, media_type: str, silence_s: float
    ) -> AsyncIterator[AsyncIterator[str] | None]:
        """Open *request* as a stream of lines, once; None where the answer is not of the *media_type*.

        Raises:
            ApiError: the service answered with an error.
            NetworkError: it did not answer, the connection broke, or was silent for *silence_s* [s].
        """
        headers = {**request.get("headers", {}), "Accept": media_type}
        timeout = httpx.Timeout(self.timeout_s, read=silence_s)
        with network_errors():
            async with self._api.stream(**request | {"headers": headers}, timeout=timeout) as response:
                if response.is_error:
                    await response.aread()
                check_service(response)
                fits = response.headers.get("Content-Type", "").startswith(media_type)
                yield response.aiter_lines() if fits else None

    async def put(self, url: str, body: Callable[[], AsyncIterable[bytes]], length: int) -> str:
        """Send *length* bytes, made anew by *body* for each try, to a presigned *url*; return the ETag.

        Raises:
            StorageError: the store refused them.
            NetworkError: the store did not answer.
        """
        return await self._again(lambda: self._put_once(url, body(), length))

    @asynccontextmanager
    async def stream(self, url: str, byte_range: str | None) -> AsyncIterator[Response]:
        """Open a presigned *url*, or its *byte_range*, once: whoever reads knows how to go on after a break.

        Raises:
            StorageError: the store refused.
            NetworkError: the store did not answer, or the connection broke while reading.
        """
        headers = {"Accept-Encoding": "identity"} | ({"Range": byte_range} if byte_range else {})
        with network_errors():
            async with self._store.stream("GET", url, headers=headers) as response:
                if not response.is_success:
                    await response.aread()
                check_store(response)
                yield response

    async def _call_once(self, request: Json, hold_s: float = 0.0) -> Response:
        timeout = httpx.Timeout(self.timeout_s, read=self.timeout_s + hold_s)
        with network_errors():
            response = await self._api.request(**request, timeout=timeout)
        check_service(response)
        return response

    async def _put_once(self, url: str, body: AsyncIterable[bytes], length: int) -> str:
        with network_errors():
            response = await self._store.put(url, content=body, headers={"Content-Length": str(length)})
        check_store(response)
        return str(response.headers.get("ETag", ""))

    async def _again(self, attempt: AsyncCall[[], T]) -> T:
        failures = 0
        while True:
            try:
                return await attempt()
            except ModelPressError as error:
                failures += 1
                if self.retry.gives_up(failures, error):
                    raise
                await async_sleep(self.retry.delay_s(failures, error))
