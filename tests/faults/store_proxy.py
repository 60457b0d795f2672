"""A proxy in front of the object store that lets one call go wrong, in each way in which networks and stores do.

It passes the caller's own ``Host`` header on, which the signature covers: the store takes every call for its own.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SILENCE_S = 4.0
"""Longer than the faulty workers wait for an answer."""
_HOP = {"connection", "transfer-encoding", "content-length", "expect", "keep-alive"}
_BUSY = b'<?xml version="1.0"?><Error><Code>%s</Code><Message>made up by the test</Message></Error>'


class Fault(StrEnum):
    """What can happen to one call."""

    ERROR = "500"
    """an error, and nothing was done"""
    BUSY = "503"
    """the store asks for less, and nothing was done"""
    LOST_ANSWER = "lost answer"
    """done, but the connection breaks before the answer"""
    SILENCE = "silence"
    """done, but the answer comes too late"""
    TORN_UPLOAD = "torn upload"
    """the connection breaks after half of the request's body"""
    TORN_ANSWER = "torn answer"
    """the connection breaks after half of the answer's body"""
    SLOW = "slow"
    """everything arrives, in small pieces"""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the store."""

    method: str
    path: str
    query: str

    def about(self, text: str) -> bool:
        """Return whether its path has *text* in it."""
        return text in self.path


Which = Callable[[Call], bool]


@dataclass(slots=True)
class Order:
    """What shall happen to which call.

    Attributes:
        nth: of the calls that fit, counted from 0.
        times: to how many of them in a row.
        met: how many it has happened to.
    """

    fault: Fault
    nth: int
    times: int
    fits: Which
    seen: int = 0
    met: int = 0

    def takes(self, call: Call) -> bool:
        """Return whether *call* is one that it shall happen to."""
        if not self.fits(call):
            return False
        place, self.seen = self.seen, self.seen + 1
        taken = self.nth <= place < self.nth + self.times
        self.met += taken
        return taken


@dataclass
class StoreProxy:
    """Passes calls on to the store at *target*, but for those that an order is about.

    Attributes:
        calls: every call that came, in order.
        down: whether every connection is closed at once.
    """

    target: str
    calls: list[Call] = field(default_factory=list)
    down: bool = False
    _orders: list[Order] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Listen."""
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def ordered(
        self, fault: Fault, *, nth: int = 0, times: int = 1, fits: Which = lambda _call: True
    ) -> Iterator[Order]:
        """Let *fault* happen to the calls that *fits* from the *nth* on, within the block."""
        order = Order(fault, nth, times, fits)
        with self._lock:
            self._orders.append(order)
        try:
            yield order
        finally:
            with self._lock:
                self._orders.remove(order)

    def meets(self, call: Call) -> Fault | None:
        """Note the call and return what shall happen to it."""
        with self._lock:
            self.calls.append(call)
            taken = [order.fault for order in self._orders if order.takes(call)]
        return taken[0] if taken else None


class _Handler(BaseHTTPRequestHandler):
    """One connection of a caller."""

    protocol_version = "HTTP/1.1"
    proxy: StoreProxy

    def do_GET(self) -> None:
        """Pass the call on, or let its fault happen."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        split = urlsplit(self.path)
        fault = self.proxy.meets(Call(self.command, split.path, split.query))
        if self.proxy.down:
            self._cut()
        elif fault in {Fault.ERROR, Fault.BUSY}:
            self._refuse(fault)
        elif fault is Fault.TORN_UPLOAD:
            self._tear_upload(body)
        else:
            self._pass_on(body, fault)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - as http.server names them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
        """Say nothing."""

    def handle_one_request(self) -> None:
        """Do not mind callers who are gone."""
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _pass_on(self, body: bytes, fault: Fault | None) -> None:
        onward = self._onward(len(body))
        onward.send(body)
        answer = onward.getresponse()
        content = answer.read()
        onward.close()
        if fault is Fault.SILENCE:
            time.sleep(SILENCE_S)
        if fault in {Fault.SILENCE, Fault.LOST_ANSWER}:
            self._cut()
        else:
            self._answer(answer, content, fault)

    def _onward(self, length: int) -> HTTPConnection:
        onward = HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=60)
        onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                onward.putheader(name, value)
        onward.putheader("Content-Length", str(length))
        onward.endheaders()
        return onward

    def _answer(self, answer: HTTPResponse, content: bytes, fault: Fault | None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        stated = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        if stated is not None and answer.status >= 200 and answer.status != 204:
            self.send_header("Content-Length", stated)
        self.end_headers()
        if fault is Fault.TORN_ANSWER:
            self.wfile.write(content[: len(content) // 2])
            self._cut()
        elif fault is Fault.SLOW:
            self._dribble(content)
        else:
            self.wfile.write(content)

    def _dribble(self, content: bytes) -> None:
        piece = max(1, len(content) // 5)
        for begin in range(0, len(content), piece):
            time.sleep(0.2)
            self.wfile.write(content[begin : begin + piece])

    def _refuse(self, fault: Fault) -> None:
        code = {Fault.ERROR: b"InternalError", Fault.BUSY: b"SlowDown"}[fault]
        content = b"" if self.command == "HEAD" else _BUSY % code
        self.send_response_only(int(fault))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _tear_upload(self, body: bytes) -> None:
        onward = self._onward(len(body))
        onward.send(body[: len(body) // 2])
        onward.close()
        self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
