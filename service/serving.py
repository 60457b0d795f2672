"""How gunicorn serves: ``gunicorn --config python:service.serving service.wsgi:app``."""

from typing import Protocol

UNREAD_MAX_BYTES = 65_536
"""What gunicorn reads of a body that the application left, to keep the connection."""


class IncomingRequest(Protocol):
    """What gunicorn tells of a request before it is answered."""

    headers: list[tuple[str, str]]

    def force_close(self) -> None:
        """Answer with ``Connection: close``, and close."""


def pre_request(worker: object, request: IncomingRequest) -> None:
    """Give a large body a connection of its own.

    An answer may come before the body was read (401, 404, 413, 415). Where too much of it is left, gunicorn closes
    the connection, and a caller who was not told so loses the next request that it sends there.
    """
    headers = dict(request.headers)
    if "TRANSFER-ENCODING" in headers or int(headers.get("CONTENT-LENGTH", 0)) > UNREAD_MAX_BYTES:
        request.force_close()
