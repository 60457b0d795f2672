"""Where webhooks may go: https, by a host's name, on the usual port, and to nobody's insides.

What a URL says is judged here, before it is kept and again before each delivery; which addresses its host has then is
judged at each connection (`jobs.posting`).
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from jobs.contract.errors import ReceiverRefusedError

URL_MAX = 2048
URL_PATTERN = r"https?://[A-Za-z0-9.\[\]:_-]+(/[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*)?"
"""Plain characters: no user before the host, no fragment, nothing that two readers may read differently."""
_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A whole name, whose last part begins with a letter: no address, however it is written."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A place that webhooks go to.

    Attributes:
        scheme: https; http only where the operator allows it.
        host: in small letters.
        port: its number.
        path: with the query.
        trusted: whether the operator has allowed it by name: its addresses are not judged.
    """

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool


def receiver(url: str, trusted: tuple[str, ...] = ()) -> Receiver:
    """Return the parts of *url*.

    Args:
        url: as the caller wrote it.
        trusted: hosts, as ``host`` or ``host:port``, that may be private, speak http and use any port.

    Raises:
        ReceiverRefusedError: it is no URL that webhooks are sent to.
    """
    if len(url) > URL_MAX or not re.fullmatch(URL_PATTERN, url):
        raise _refused(url, f"a plain URL of at most {URL_MAX} characters, without user, password or fragment")
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").lower(), _PORTS[split.scheme] if split.port is None else split.port
    except ValueError:
        raise _refused(url, "a URL with a host and a port") from None
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    if host in trusted or f"{host}:{port}" in trusted:
        return Receiver(split.scheme, host, port, path, trusted=True)
    if (split.scheme, port) != ("https", _PORTS["https"]) or not _NAME.fullmatch(host):
        raise _refused(url, "https, port 443 and a host's full name, as in https://hooks.example.com/modelpress")
    return Receiver(split.scheme, host, port, path, trusted=False)


def _refused(url: str, wanted: str) -> ReceiverRefusedError:
    return ReceiverRefusedError(f"Expected {wanted}; got {url[:120]!r}.")
