"""One POST to a stranger: where it may go, by which address, for how long, and what is believed of the answer."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobs.contract.receivers import Receiver
from jobs.posting import Answer, PostError, post
from jobs.state.records import utc_now

HOST = "hooks.example.com"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Serve = Callable[[socket.socket], None]


class Server:
    """A server on loopback that reads a request, remembers it and answers by a function."""

    def __init__(self, answer: Serve, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self._answer, self._context = answer, context
        if context is not None:
            context.sni_callback = lambda sock, name, ctx: self.names.append(name)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                with contextlib.suppress(OSError), raw:
                    self._serve(raw)

    def _serve(self, raw: socket.socket) -> None:
        sock = self._context.wrap_socket(raw, server_side=True) if self._context else raw
        with sock:
            sock.settimeout(5)
            request = sock.recv(65_536)
            while request.startswith(b"POST") and not request.endswith(b"{}"):
                request += sock.recv(65_536)
            self.requests.append(request)
            self._answer(sock)

    def stop(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts servers, stopped when the test ends."""
    started: list[Server] = []

    def begin(answer: bytes | Serve, context: ssl.SSLContext | None = None) -> Server:
        serve = (lambda sock: sock.sendall(answer)) if isinstance(answer, bytes) else answer
        started.append(Server(serve, context))
        return started[-1]

    yield begin
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for the host's name, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(pem))
    return path


def loopback(host: str, port: int) -> Sequence[str]:
    """Resolve every name to this machine."""
    return ["127.0.0.1"]


def to(server: Server, scheme: str = "http", host: str = HOST) -> Receiver:
    """Return a receiver that the operator trusts, for what is not about addresses."""
    return Receiver(scheme, host, server.port, "/in?x=1", trusted=True)


def test_a_message_goes_to_the_checked_address_under_the_hosts_name(start: Start) -> None:
    """The connection goes to the address, the request names the host, and the answer's head comes back."""
    server = start(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno")
    answer = post(to(server), b"{}", {"webhook-id": "msg_1"}, resolve=loopback)
    request = server.requests[0]

    assert answer == Answer(503, "7")
    assert request.startswith(b"POST /in?x=1 HTTP/1.1\r\n")
    assert f"Host: {HOST}:{server.port}\r\n".encode() in request
    assert b"webhook-id: msg_1\r\n" in request
    assert request.endswith(b"\r\n\r\n{}")


def test_tls_is_spoken_for_the_hosts_name(start: Start, certificate: Path) -> None:
    """The certificate is checked against the name, which the handshake asks for, though an address is connected to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = start(OK, context)
    trusting = ssl.create_default_context(cafile=str(certificate))

    assert post(to(server, "https"), b"{}", {}, resolve=loopback, context=trusting).status == 204
    with pytest.raises(PostError, match="certificate was not accepted"):
        post(to(server, "https", "other.example.com"), b"{}", {}, resolve=loopback, context=trusting)
    with pytest.raises(PostError, match="certificate was not accepted"):
        post(to(server, "https"), b"{}", {}, resolve=loopback)
    assert server.names[:2] == [HOST, "other.example.com"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["8.8.8.8", "10.0.0.1"],
        ["::1", "8.8.8.8"],
        ["64:ff9b::a9fe:a9fe"],
        ["fe80::1%eth0"],
        ["not an address"],
    ],
)
def test_every_address_of_a_host_is_judged(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One address inside among others outside is enough to send nothing, and no connection is even begun."""
    begun: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args: begun.append(args))

    with pytest.raises(PostError, match="not public; nothing was sent"):
        post(Receiver("https", HOST, 443, "/", trusted=False), b"{}", {}, resolve=lambda *_: addresses)
    assert begun == []


def test_a_name_that_changes_its_answer_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is public when judged and inside when asked again is connected to at the address that was judged."""
    answers, dialled = iter([["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]]), []

    def refuse(address: tuple[str, int], timeout: float) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: pytest.fail("resolved again"))
    with pytest.raises(PostError, match="refused"):
        post(Receiver("https", HOST, 443, "/", trusted=False), b"{}", {}, resolve=lambda *_: next(answers))

    assert dialled == [("93.184.215.14", 443)]
    assert ipaddress.ip_address(dialled[0][0]).is_global
    assert next(answers) == ["127.0.0.1"]


def test_the_next_address_is_tried_where_one_does_not_answer(start: Start) -> None:
    """A host with an address that is dead is reached by its other."""
    server = start(OK)

    assert post(to(server), b"{}", {}, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"]).status == 204


@pytest.mark.parametrize("wrong", [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), None])
def test_a_host_without_address_is_said_to_have_none(wrong: Exception | None) -> None:
    """A name that nobody knows is the receiver's failure, like any other."""

    def resolve(host: str, port: int) -> list[str]:
        if wrong is not None:
            raise wrong
        return []

    with pytest.raises(PostError, match="has no address"):
        post(Receiver("https", HOST, 443, "/", trusted=False), b"{}", {}, resolve=resolve)


def test_redirects_are_not_followed(start: Start) -> None:
    """A redirect is an answer like any other: where it points to is not asked."""
    target = start(OK)
    moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{target.port}/\r\nContent-Length: 0\r\n\r\n"
    server = start(moved.encode())

    assert post(to(server), b"{}", {}, resolve=loopback).status == 307
    assert target.requests == []


def drip(sock: socket.socket) -> None:
    """Send a head that never ends, byte by byte."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    with contextlib.suppress(OSError):
        for _ in range(200):
            sock.sendall(b"x")
            time.sleep(0.02)


@pytest.mark.parametrize("serve", [drip, lambda sock: time.sleep(1)], ids=["drips", "is silent"])
def test_time_is_limited_as_a_whole(start: Start, serve: Serve) -> None:
    """Neither silence nor a byte now and then holds a connection for longer than the limit."""
    server = start(serve)
    began = time.monotonic()
    with pytest.raises(PostError, match=r"No answer within 0\.3 s"):
        post(to(server), b"{}", {}, resolve=loopback, timeout_s=0.3)

    assert time.monotonic() - began < 1


def test_a_handshake_is_limited_too(start: Start) -> None:
    """A server that drips where TLS is expected is cut off as well."""
    server = start(drip)
    with pytest.raises(PostError, match=r"No answer within|TLS could not"):
        post(to(server, "https"), b"{}", {}, resolve=loopback, timeout_s=0.3)


def endless(sock: socket.socket) -> None:
    """Send a body without end."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    with contextlib.suppress(OSError):
        while True:
            sock.sendall(b"x" * 65_536)


def test_of_the_answer_only_the_head_is_read(start: Start) -> None:
    """A body without end costs nothing."""
    assert post(to(start(endless)), b"{}", {}, resolve=loopback).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"-ERR unknown command 'POST'\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_answer_is_said_to_be_none(start: Start, answer: bytes) -> None:
    """Other protocols and heads without end are failures whose text repeats nothing of what came."""
    with pytest.raises(PostError, match="no HTTP answer") as raised:
        post(to(start(answer)), b"{}", {}, resolve=loopback)

    assert "SSH" not in str(raised.value)
    assert "ERR" not in str(raised.value)


def test_a_closed_port_says_no_more_than_that() -> None:
    """A refused connection names neither address nor reason of the network here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(PostError, match=r"^The connection was refused\.$"):
        post(Receiver("http", HOST, port, "/", trusted=True), b"{}", {}, resolve=loopback)


def test_proxies_of_the_environment_are_not_used(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names does not see the message."""
    proxy, server = start(OK), start(OK)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    assert post(to(server), b"{}", {}, resolve=loopback).status == 204
    assert proxy.requests == []
