"""A client that costs next to nothing: prepared bytes over kept connections, so that what is timed is the server."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to a port of this machine, again and again."""

    port: int
    data: bytes


def prepared(port: int, method: str, path: str, key: str, body: bytes = b"") -> Request:
    """Return a request as it goes over the wire."""
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{kind}\r\n"
    return Request(port, head.encode() + body)


def times_s(request: Request, count: int, connections: int = 1) -> list[float]:
    """Return how long each of *count* requests took over each of several connections at once [s]."""
    found: list[list[float]] = [[] for _ in range(connections)]
    threads = [threading.Thread(target=_send, args=(request, count, each)) for each in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for times in found for each in times]


def percentile(times: Sequence[float], share: float) -> float:
    """Return what *share* of the times do not exceed."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _send(request: Request, count: int, times: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", request.port)) as connection:
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(request.data)
            _receive(connection)
            times.append(time.perf_counter() - began)


def _receive(connection: socket.socket) -> None:
    data = b""
    while HEAD_END not in data:
        data += _more(connection)
    head, _, body = data.partition(HEAD_END)
    if not head.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(f"Expected an answer of 2xx; got {head[:60]!r}.")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += _more(connection)


def _more(connection: socket.socket) -> bytes:
    if not (data := connection.recv(65_536)):
        raise RuntimeError("The server hung up.")
    return data
