"""A model hub on loopback: the part of the hub's HTTP API that reading a repository uses."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_INFO = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/revision/(.+))?")
_RESOLVE = re.compile(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class FakeHub:
    """Repositories by name, and what was asked of them.

    Attributes:
        repositories: ``org/name`` to path to content.
        refuse: ``org/name`` to (status, X-Error-Code) with which every request is answered.
        cut_once: paths whose first GET breaks off halfway.
        spoil: paths whose content differs from the published hash.
        portal: a page that answers everything, as a network that wants a login first would.
        requests: (method, path, authorization, range) of everything that came.
    """

    repositories: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    cut_once: set[str] = field(default_factory=set)
    spoil: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    portal: bytes = b""
    url: str = ""


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Serve *hub* on a free loopback port until the block ends."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers["Authorization"], self.headers["Range"]))
        if self.hub.portal:
            self._send(200, self.hub.portal, {"Content-Type": "text/html"})
        elif found := _INFO.fullmatch(path):
            self._info(found[2], found[3])
        elif found := _RESOLVE.fullmatch(path):
            self._file(*found.groups())
        else:
            self._send(404, b"", {})

    def _info(self, repo: str, revision: str | None) -> None:
        if self._refused(repo):
            return
        if revision not in {None, "main", COMMIT}:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [_sibling(path, content) for path, content in self.hub.repositories[repo].items()]
        document = {"id": repo, "sha": COMMIT, "siblings": siblings, "private": False}
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _file(self, repo: str, revision: str, path: str) -> None:
        if self._refused(repo):
            return
        content = self.hub.repositories[repo][path]
        headers = {"ETag": f'"{_sha256(content)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if path in self.hub.spoil:
            content = content[::-1]
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.command == "GET" and path in self.hub.cut_once
        self.hub.cut_once -= {path} if cut else set()
        self._send(206 if start else 200, content[start:], headers, cut=cut)

    def _refused(self, repo: str) -> bool:
        status, code = self.hub.refuse.get(repo, (0, ""))
        if not status and repo not in self.hub.repositories:
            status, code = 404, "RepoNotFound"
        if status:
            self._send(status, b"", {"X-Error-Code": code} if code else {})
        return bool(status)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": "0" * 40}
    if path.endswith(".safetensors"):
        sibling["lfs"] = {"sha256": _sha256(content), "size": len(content), "pointerSize": 134}
    return sibling


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
