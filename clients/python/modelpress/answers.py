"""What came over the network: a document, or an error with a name."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from httpx import Response

from modelpress.errors import NetworkError, StorageError, api_error
from modelpress.records import Json

SHOWN_CHARACTERS = 200  # of a foreign answer in a message


@contextmanager
def network_errors() -> Iterator[None]:
    """Turn the HTTP library's failures in the block into ``NetworkError``."""
    try:
        yield
    except httpx.RequestError as error:
        place = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"  # without a presigned URL's secrets
        raise NetworkError(f"{type(error).__name__} at {place}: {error}") from error


def check_service(response: Response) -> None:
    """Raise ``ApiError`` if *response*, which has been read, is one."""
    if response.is_error:
        raise api_error(response.status_code, _json(response), _retry_after_s(response))


def check_store(response: Response) -> None:
    """Raise ``StorageError`` if *response*, which has been read if it is one, is an error of the object store."""
    if not response.is_success:
        shown = response.content[:SHOWN_CHARACTERS].decode(errors="replace")
        raise StorageError(response.status_code, f"The object store answered {response.status_code}: {shown}")


def json_object(response: Response) -> Json:
    """Return the JSON object in *response*.

    Raises:
        ApiError: there is none: ``not_json``.
    """
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
