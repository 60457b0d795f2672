"""A forward proxy on loopback that remembers whom every request went to and with which headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Seen:
    """One request on its way."""

    url: str
    headers: dict[str, str]

    @property
    def origin(self) -> str:
        """Return whom it went to."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def recording_proxy() -> Iterator[tuple[str, list[Seen]]]:
    """Yield the proxy's address and the list that it fills."""
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        """Passes GET and POST on."""

        def do_GET(self) -> None:
            """Pass the request on and its answer back."""
            seen.append(Seen(self.path, {name.lower(): value for name, value in self.headers.items()}))
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            onward = HTTPConnection(parts.netloc, timeout=60)
            onward.request(self.command, f"{parts.path}?{parts.query}", body, dict(self.headers))
            answer = onward.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            onward.close()

        do_POST = do_GET  # noqa: N815 - as http.server names it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
