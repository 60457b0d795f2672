"""Loopback ports: chosen once, kept in the state folder, chosen again only when someone else took one."""

import json
import secrets
import socket
from pathlib import Path

from deploy.embedded.processes import write_private

LOOPBACK = "127.0.0.1"
BELOW_EPHEMERAL = range(20_000, 32_000)  # no outgoing connection borrows these before we listen


class Ports:
    """The ports of one state folder, by the name of what listens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, name: str) -> int:
        """Return the port of *name*, choosing a free one the first time."""
        known = self._read()
        if name not in known:
            known[name] = free_port(taken=set(known.values()))
            write_private(self._path, json.dumps(known))
        return known[name]

    def forget(self, *names: str) -> None:
        """Let new ports be chosen for *names*."""
        kept = {name: port for name, port in self._read().items() if name not in names}
        write_private(self._path, json.dumps(kept))

    def _read(self) -> dict[str, int]:
        try:
            known: dict[str, int] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return known


def free_port(*, taken: set[int]) -> int:
    """Return a port that nobody listens on and that is not among *taken*."""
    candidates = (secrets.choice(BELOW_EPHEMERAL) for _ in range(10_000))
    return next(port for port in candidates if port not in taken and is_free(port))


def is_free(port: int) -> bool:
    """Return whether a server could listen on *port* now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
