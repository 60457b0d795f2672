"""Servers that a test may kill: a Redis that keeps what it was told, and gunicorn with the service."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from redis import Redis
from redis.exceptions import RedisError

from deploy.embedded.redis import find_binary

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("web_program.py")


@dataclass
class KeptRedis:
    """A Redis with every write in an append-only file."""

    folder: Path

    def __post_init__(self) -> None:
        """Choose its port."""
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start with what there was, and return once it answers."""
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "yes")
        command = [find_binary(), *options, "--dir", str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait(self._answers)

    def kill(self) -> None:
        """End at once."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False


@dataclass
class Web:
    """The service under gunicorn, on a port of its own."""

    environment: Mapping[str, str]
    log: Path

    def __post_init__(self) -> None:
        """Choose its port."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, **settings: str) -> None:
        """Start it, and return once it answers."""
        options = ("--config", "python:service.serving", "--workers", "1", "--bind", f"127.0.0.1:{self.port}")
        command = [sys.executable, "-m", "gunicorn", "web_program:app", *options, "--no-control-socket"]
        environment = {**self.environment, **settings, "PYTHONPATH": f"{ROOT}:{PROGRAM.parent}"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        wait(self._answers)

    def stop(self) -> float:
        """Tell it to stop, and return how long that took [s]."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        return time.monotonic() - began

    def kill(self) -> None:
        """End it and its worker at once."""
        workers = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        self._process.kill()
        for worker in workers.stdout.split():
            subprocess.run(["kill", "-KILL", worker], check=False)
        self._process.wait()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self.log.read_text()[-2000:])
        try:
            return httpx.get(f"{self.url}/livez").status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait(condition: Callable[[], Any], *, seconds: float = 60) -> None:
    """Return once *condition* holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.02)
