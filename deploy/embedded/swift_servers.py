"""The four servers of OpenStack Swift from one process: imported once, forked four times.

``python -m deploy.embedded.swift_servers FOLDER`` runs ``FOLDER/{account,container,object,proxy}-server.conf``. When
one server ends, all end: a store with a part missing is no store. ``… rings FOLDER NAME=PORT…`` writes the ring files.
"""

import os
import signal
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore", DeprecationWarning)  # eventlet announces its own retirement at every import

from swift.account import server as account  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.container import server as container  # noqa: E402
from swift.obj import server as obj  # noqa: E402
from swift.proxy import server as proxy  # noqa: E402

SERVERS = {"account": account.main, "container": container.main, "object": obj.main, "proxy": proxy.main}
PART_POWER = 4
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Write rings or serve, and return the exit code."""
    if arguments[0] == "rings":
        write_rings(Path(arguments[1]), dict(each.split("=") for each in arguments[2:]))
        return 0
    return serve(Path(arguments[0]))


def write_rings(folder: Path, ports: dict[str, str]) -> None:
    """Write ``FOLDER/<name>.ring.gz``: one device, one replica; the data stays where it is when a port changes."""
    for name, port in ports.items():
        builder = RingBuilder(PART_POWER, 1, 0)
        builder.add_dev(
            {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1.0, "meta": ""}
        )
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{name}.ring.gz"))


def serve(folder: Path) -> int:
    """Run every server until one ends or we are told to stop."""
    children = {_fork(folder, name): name for name in SERVERS}
    signal.signal(signal.SIGTERM, lambda *_: _end(children))
    gone, _ = os.wait()
    print(f"{children.pop(gone, 'a server')} ended")
    _end(children)
    return 1


def _fork(folder: Path, name: str) -> int:
    pid = os.fork()
    if pid == 0:
        _die_with_parent()
        sys.argv[1:] = [str(folder / f"{name}-server.conf")]
        SERVERS[name]()
    return pid


def _end(children: dict[int, str]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)
    sys.exit(0)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
