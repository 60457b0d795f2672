"""HTTP with finite timeouts and retries: the one place that speaks to the network.

Every call is sent again after a broken connection, a timeout, and the answers 429, 502, 503 and 504. That starts
nothing twice: a call that creates something carries an ``Idempotency-Key``, the same in every try.

Between tries it waits with exponential growth and jitter, and never less than ``Retry-After``.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx
from httpx import Response

from modelpress.errors import ApiError, ModelPressError, NetworkError, StorageError, api_error
from modelpress.records import Json
from modelpress.settings import Settings

T = TypeVar("T")

RETRIED = frozenset({429, 502, 503, 504})
IN_FLIGHT = "request_in_flight"  # the code of a problem: an earlier try is being answered
SHOWN_CHARACTERS = 200  # of a foreign answer in a message


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently to try again.

    Attributes:
        tries: calls in all, the first included.
        first_delay_s: upper bound of the wait before the second try [s]; it doubles from try to try.
        longest_delay_s: upper bound of every wait [s], also of what ``Retry-After`` may ask for.
    """

    tries: int = 5
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0

    def delay_s(self, failures: int, error: ModelPressError) -> float:
        """Return the wait after the *failures*-th failure in a row, which was *error* [s]."""
        bound = min(self.longest_delay_s, self.first_delay_s * 2.0 ** min(failures - 1, 30))
        jittered = bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out, guards nothing
        asked = error.retry_after_s if isinstance(error, ApiError) else 0.0
        return max(jittered, min(asked, self.longest_delay_s))


class Transport:
    """Calls to the service, which carry the API key, and to its object store, which never sees it."""

    def __init__(self, settings: Settings, timeout_s: float, retry: Retry) -> None:
        self.retry = retry
        self.timeout_s = timeout_s
        agent = {"User-Agent": "modelpress-client"}
        bearer = {"Authorization": f"Bearer {settings.api_key}", "Accept": "application/json"}
        trust = httpx.create_ssl_context()  # reading all root certificates takes a while: once for both
        self._api = httpx.Client(base_url=settings.base_url, headers=agent | bearer, timeout=timeout_s, verify=trust)
        self._store = httpx.Client(headers=agent, timeout=timeout_s, verify=trust)

    def close(self) -> None:
        """Close every connection."""
        self._api.close()
        self._store.close()

    def call(self, request: Json) -> Response:
        """Return the answer to *request*, the keyword arguments of an httpx request, after retries.

        Raises:
            ApiError: the service answered with an error.
            NetworkError: it did not answer.
        """
        return self._again(lambda: self._call_once(request))

    def json(self, request: Json) -> Json:
        """Return the JSON object in the answer to *request*; everything else as in ``call``."""
        return _json_object(self.call(request))

    def json_once(self, request: Json, *, hold_s: float = 0.0) -> Json:
        """Return the JSON object in the answer to *request*, without retries: whoever waits has its own.

        *hold_s* is how long the service may hold the answer back, on top of the timeout [s].
        """
        return _json_object(self._call_once(request, hold_s))

    @contextmanager
    def listen(self, request: Json, media_type: str, silence_s: float) -> Iterator[Iterator[str] | None]:
        """Open *request* as a stream of lines, once; None where the answer is not of the *media_type*.

        Raises:
            ApiError: the service answered with an error.
            NetworkError: it did not answer, the connection broke, or was silent for *silence_s* [s].
        """
        headers = {**request.get("headers", {}), "Accept": media_type}
        timeout = httpx.Timeout(self.timeout_s, read=silence_s)
        with _network_errors(), self._api.stream(**request | {"headers": headers}, timeout=timeout) as response:
            if response.is_error:
                response.read()
                raise api_error(response.status_code, _json(response), _retry_after_s(response))
            fits = response.headers.get("Content-Type", "").startswith(media_type)
            yield response.iter_lines() if fits else None

    def put(self, url: str, body: Callable[[], Iterable[bytes]], length: int) -> str:
        """Send *length* bytes, made anew by *body* for each try, to a presigned *url*; return the ETag.

        Raises:
            StorageError: the store refused them.
            NetworkError: the store did not answer.
        """
        return self._again(lambda: self._put_once(url, body(), length))

    @contextmanager
    def stream(self, url: str, *, start: int = 0) -> Iterator[Response]:
        """Open a presigned *url* from byte *start* on, once: whoever reads knows how to go on after a break.

        Raises:
            StorageError: the store refused.
            NetworkError: the store did not answer, or the connection broke while reading.
        """
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with _network_errors(), self._store.stream("GET", url, headers=headers) as response:
            _check_store(response)
            yield response

    def _call_once(self, request: Json, hold_s: float = 0.0) -> Response:
        timeout = httpx.Timeout(self.timeout_s, read=self.timeout_s + hold_s)
        with _network_errors():
            response = self._api.request(**request, timeout=timeout)
        if response.is_error:
            raise api_error(response.status_code, _json(response), _retry_after_s(response))
        return response

    def _put_once(self, url: str, body: Iterable[bytes], length: int) -> str:
        with _network_errors():
            response = self._store.put(url, content=body, headers={"Content-Length": str(length)})
        _check_store(response)
        return str(response.headers.get("ETag", ""))

    def _again(self, attempt: Callable[[], T]) -> T:
        failures = 0
        while True:
            try:
                return attempt()
            except ModelPressError as error:
                failures += 1
                if failures >= self.retry.tries or not is_passing(error):
                    raise
                time.sleep(self.retry.delay_s(failures, error))


def is_passing(error: ModelPressError) -> bool:
    """Return whether *error* is of the kind that goes away by itself."""
    if isinstance(error, ApiError) and error.code == IN_FLIGHT:
        return True
    if isinstance(error, ApiError | StorageError):
        return error.status in RETRIED
    return isinstance(error, NetworkError)


@contextmanager
def _network_errors() -> Iterator[None]:
    try:
        yield
    except httpx.RequestError as error:
        place = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"  # without a presigned URL's secrets
        raise NetworkError(f"{type(error).__name__} at {place}: {error}") from error


def _check_store(response: Response) -> None:
    if not response.is_success:
        shown = response.read()[:SHOWN_CHARACTERS].decode(errors="replace")
        raise StorageError(response.status_code, f"The object store answered {response.status_code}: {shown}")


def _json_object(response: Response) -> Json:
    document = _json(response)
    if not isinstance(document, dict):
        came = response.headers.get("Location") or response.text[:SHOWN_CHARACTERS]
        detail = f"Expected a JSON object from {response.request.url}; got {came!r}. Is this ModelPress's address?"
        raise api_error(response.status_code, {"code": "not_json", "detail": detail})
    return document


def _json(response: Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _retry_after_s(response: Response) -> float:
    try:
        return float(response.headers.get("Retry-After", 0))
    except ValueError:  # the other form is a date: the usual delay serves as well
        return 0.0
