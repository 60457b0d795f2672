"""What compose or Kubernetes starts, started without containers: the same commands, environment, files and checks."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import redis
from dockerfile import command, health_check, lay_out, lineage, stages, variables
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.processes import Processes, Program
from deploy.embedded.redis import find_binary
from jobs.state.settings import StateSettings


@dataclass(frozen=True)
class Part:
    """A container, as whoever starts it describes it.

    Attributes:
        target: the Dockerfile's stage; none for an image of others.
        command: what it runs; nothing: what its image does.
        environment: its variables, secrets put in.
        check: how it is asked whether it is well; nothing: as its image says.
    """

    target: str | None
    command: list[str]
    environment: dict[str, str]
    check: list[str] = field(default_factory=list)


class Installation:
    """Parts as processes, on ports of our own; their images are folders with what the Dockerfile copies.

    Args:
        root: of the project.
        folder: for images, state and logs.
        parts: by name, ``redis`` and ``service`` among them.
    """

    def __init__(self, root: Path, folder: Path, parts: Mapping[str, Part]) -> None:
        self._root, self._folder, self.parts = root, folder, parts
        taken: set[int] = set()
        self._ports = {name: free_port(taken=taken) for name in ("service:8000", "redis:6379")}
        self._processes = Processes(folder)

    def start(self, *names: str) -> None:
        """Start parts; Redis and the service are waited for."""
        for name in names:
            self._processes.start(self._program(name))
        for name, ready in (("redis", self._redis_answers), ("service", self._service_answers)):
            if name in names:
                self._processes.wait_ready(name, ready)

    def stop(self, *names: str) -> None:
        """Stop parts, or all that were started."""
        self._processes.stop(*(names or [record.program.name for record in self._processes.records()]))

    def run(self, name: str, *arguments: str) -> str:
        """Run *arguments*, or what the part *name* runs, to its end and return what it printed."""
        done = self._run(name, list(arguments) or self._command(name))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def well(self, name: str) -> bool:
        """Return whether the health check of the part finds it well."""
        return not self._run(name, self.parts[name].check or health_check(self._image(name))).returncode

    def redis(self, user: str) -> "redis.Redis":
        """Return a connection to Redis as *user*."""
        password = self.parts["redis"].environment.get(f"REDIS_{user.upper()}_PASSWORD", "")
        port, once = self._ports["redis:6379"], Retry(NoBackoff(), 0)
        return redis.Redis(LOOPBACK, port, username=user, password=password, decode_responses=True, retry=once)

    def call(self, method: str, path: str, key: str, body: Any = None) -> tuple[int, Any]:
        """Call the service and return status and text or JSON."""
        connection = HTTPConnection(LOOPBACK, self._ports["service:8000"], timeout=60)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] else text

    def state(self, name: str) -> StateSettings:
        """Return how the part *name* reaches store and Redis."""
        return StateSettings.from_env(self._program(name).environment)

    def _run(self, name: str, words: list[str]) -> "subprocess.CompletedProcess[str]":
        program = self._program(name)
        return subprocess.run(
            self._here(words),
            env=dict(program.environment),
            cwd=program.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def _program(self, name: str) -> Program:
        part = self.parts[name]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": str(self._made("tmp", name))}
        if name == "redis":
            environment |= part.environment | {"REDIS_DATA": str(self._made("data")), "PATH": self._path_to_redis()}
            script = part.command[0].replace("/etc/modelpress", str(self._root / "deploy/redis"))
            options = ("--bind", LOOPBACK, "--port", str(self._ports["redis:6379"]))
            return Program(name, (script, *options), environment, str(self._folder))
        folder = self._laid_out(part.target or "")
        given = {key: self._value(value, name) for key, value in part.environment.items()}
        environment |= {**variables(self._image(name)), **given, "PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
        return Program(name, tuple(self._here(self._command(name))), environment, str(folder))

    def _command(self, name: str) -> list[str]:
        return self.parts[name].command or command(self._image(name))

    def _image(self, name: str) -> list[tuple[str, str]]:
        return lineage(stages(self._root), self.parts[name].target or "")

    def _here(self, words: list[str]) -> list[str]:
        """Return a command with our Python, and with the ports that were free."""
        first = [sys.executable] if words[0] == "python" else [sys.executable, "-m", words[0]]
        here = f"{LOOPBACK}:{self._ports['service:8000']}"
        return [*first, *(re.sub(r"(0\.0\.0\.0|127\.0\.0\.1):8000", here, word) for word in words[1:])]

    def _value(self, value: str, name: str) -> str:
        """Return a value with names of containers and mounts replaced by what stands for them."""
        value = value.replace("@redis:6379", f"@{LOOPBACK}:{self._ports['redis:6379']}")
        return str(self._made("scratch", name)) if value == "/scratch" else value

    def _laid_out(self, target: str) -> Path:
        folder = self._folder / "images" / target
        if not folder.exists():
            lay_out(self._root, folder, lineage(stages(self._root), target))
        return folder

    def _made(self, *names: str) -> Path:
        folder = self._folder.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _path_to_redis(self) -> str:
        link = self._made("bin") / "redis-server"
        if not link.exists():
            link.symlink_to(find_binary())
        return f"{link.parent}:{os.environ['PATH']}"

    def _redis_answers(self) -> bool:
        with self.redis("metrics") as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def _service_answers(self) -> bool:
        try:
            return self.call("GET", "/readyz", "")[0] == 200
        except OSError:
            return False
