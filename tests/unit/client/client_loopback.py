"""Real HTTP servers on the loopback interface that misbehave on demand."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

CHUNK = 1 << 16


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer; with *cut_after*, the connection breaks after that many bytes of the body (0: before any answer)."""

    status: int = 200
    body: bytes | dict[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None

    @property
    def content(self) -> bytes:
        """Return the body's bytes."""
        return json.dumps(self.body).encode() if isinstance(self.body, dict) else self.body


HANG_UP = Reply(cut_after=0)


def problem(status: int, code: str, **more: Any) -> Reply:
    """Return a problem document of RFC 9457, with a Retry-After of zero so that tests are quick."""
    headers = {"Content-Type": "application/problem+json", "Retry-After": "0"}
    return Reply(status, {"status": status, "code": code, "detail": f"about {code}", **more}, headers)


class Loopback:
    """A server that answers by a function, after the faults that were planned, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Asked], Reply], port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Reply] = []
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail_with(self, *faults: Reply) -> None:
        """Answer the next requests with *faults*."""
        self.faults += faults

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _reply_to(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self.faults.pop(0) if self.faults else self._answer(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(place.query).items()}
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = Asked(self.command, unquote(place.path), query, dict(self.headers), body)
                self._send(loopback._reply_to(asked))

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class's names

            def _send(self, reply: Reply) -> None:
                self.close_connection = reply.cut_after is not None
                if reply.cut_after == 0:
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.content[: reply.cut_after])

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler
