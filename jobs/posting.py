"""One POST to a stranger's server, from which nothing inside can be reached.

The host is resolved once, every address of it is judged, and the connection goes to an address that was judged, by its
number: a name that answers otherwise the second time gains nothing. TLS and the Host header keep the name. No redirect
is followed, no proxy and no cookie is known; time is limited as a whole, and of the answer only its head is read.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.contract.addresses import is_public
from jobs.contract.receivers import Receiver

TIMEOUT_S = 15.0
Resolve = Callable[[str, int], Sequence[str]]


class PostError(Exception):
    """There was no answer; the text says why, and nothing about what lies behind the name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: the status, and its ``Retry-After`` as it came."""

    status: int
    retry_after: str | None


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of *host*, those to try first first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def post(
    to: Receiver,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolve: Resolve = resolved,
    timeout_s: float = TIMEOUT_S,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """Return the answer to *body*, sent *to* a receiver.

    Args:
        to: where.
        body: what.
        headers: beside Host and Content-Length.
        resolve: host and port to addresses.
        timeout_s: for all of it [s].
        context: how TLS is spoken; by default with the system's authorities.

    Raises:
        PostError: the host has no address or one that is not public, nothing answered in time, or no HTTP came back.
    """
    addresses = _judged(to, resolve)
    connection = _Connection(to, addresses, timeout_s, context)
    try:
        with connection.watched():
            connection.request("POST", to.path, body, dict(headers))
            answer = connection.getresponse()
        connection.check_time()  # a head that was cut off looks like one that has ended
        return Answer(answer.status, answer.getheader("Retry-After"))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PostError(connection.why(error)) from error
    finally:
        connection.close()


def _judged(to: Receiver, resolve: Resolve) -> Sequence[str]:
    try:
        addresses = resolve(to.host, to.port)
    except (OSError, UnicodeError) as error:
        raise PostError("The host's name has no address.") from error
    if not addresses:
        raise PostError("The host's name has no address.")
    if not to.trusted and not all(map(is_public, addresses)):
        raise PostError("The host's name has an address that is not public; nothing was sent.")
    return addresses


class _Connection(http.client.HTTPConnection):
    """A connection to one of the judged *addresses* which ends after *timeout_s*, whatever comes."""

    def __init__(
        self, to: Receiver, addresses: Sequence[str], timeout_s: float, context: ssl.SSLContext | None
    ) -> None:
        super().__init__(to.host, to.port, timeout=timeout_s)
        self.default_port = 443 if to.scheme == "https" else 80
        self._to = to
        self._addresses = addresses
        self._context = context
        self._raw: socket.socket | None = None
        self._late = threading.Event()

    def connect(self) -> None:
        """Connect to the first of the addresses that answers, and speak TLS where the URL says so."""
        self.sock = self._connected()
        self._raw = self.sock.dup()
        self.check_time()
        if self._to.scheme == "https":
            context = self._context or ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._to.host)

    def _connected(self) -> socket.socket:
        wrong: OSError = ConnectionError()
        for address in self._addresses:
            try:
                return socket.create_connection((address, self._to.port), self.timeout)
            except OSError as error:
                wrong = error
            if self._late.is_set():
                break
        raise wrong

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Cut the connection when the time is up: a server that sends a byte now and then would hold it for ever."""
        timer = threading.Timer(self.timeout or TIMEOUT_S, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def check_time(self) -> None:
        """Raise ``TimeoutError`` when the connection was cut."""
        if self._late.is_set():
            raise TimeoutError

    def why(self, error: Exception) -> str:
        """Return what *error* means, in words that tell nothing about the network here."""
        if self._late.is_set() or isinstance(error, TimeoutError):
            return f"No answer within {self.timeout:g} s."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The certificate was not accepted: {error.verify_message}."
        if isinstance(error, ssl.SSLError):
            return "TLS could not be spoken."
        if self._raw is None:
            return "The connection was refused."
        return "What came back was no HTTP answer."

    def close(self) -> None:
        """Close everything."""
        super().close()
        if self._raw is not None:
            self._raw.close()

    def _cut(self) -> None:
        self._late.set()
        if self._raw is not None:
            with contextlib.suppress(OSError):
                self._raw.shutdown(socket.SHUT_RDWR)
