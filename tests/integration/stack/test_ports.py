"""Ports that stay the same from start to start."""

import socket
from pathlib import Path

from deploy.embedded.ports import LOOPBACK, Ports, is_free


def test_a_port_is_kept(tmp_path: Path) -> None:
    """The same name has the same port, also for another reader of the folder."""
    path = tmp_path / "ports.json"

    assert Ports(path).of("redis") == Ports(path).of("redis")


def test_names_do_not_share_a_port(tmp_path: Path) -> None:
    """Each name has a port of its own."""
    ports = Ports(tmp_path / "ports.json")

    assert len({ports.of(name) for name in ("redis", "proxy", "service")}) == 3


def test_a_listener_is_seen(tmp_path: Path) -> None:
    """A port is not free while someone listens on it."""
    port = Ports(tmp_path / "ports.json").of("redis")
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)

    assert is_free(port)


def test_a_forgotten_port_is_chosen_again(tmp_path: Path) -> None:
    """Forgetting one name leaves the others."""
    ports = Ports(tmp_path / "ports.json")
    kept, _ = ports.of("redis"), ports.of("service")
    ports.forget("service")

    assert ports.of("redis") == kept
    assert is_free(ports.of("service"))
