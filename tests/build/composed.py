"""What compose starts, started without containers: the same commands, environment and files, on ports of our own."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import redis
from composition import compose, required
from dockerfile import command, health_check, lay_out, lineage, stages, variables
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.processes import Processes, Program
from jobs.state.settings import StateSettings


class Composed:
    """Services of the compose file as processes; its images are folders with what the Dockerfile copies.

    Args:
        root: of the project.
        folder: for images, state and logs.
        store: settings that reach an S3 store; the bucket is one of its own.
    """

    def __init__(self, root: Path, folder: Path, store: Mapping[str, str]) -> None:
        self._root, self._folder = root, folder
        self.given = dict.fromkeys(required(root), secrets.token_hex(8))
        self.given |= {name: value for name, value in store.items() if "S3" in name or "BUCKET" in name}
        self.given |= {"MODELPRESS_METRICS_TOKEN": secrets.token_hex(8)}
        self._services = compose(root, self.given)["services"]
        taken: set[int] = set()
        self._ports = {name: free_port(taken=taken) for name in ("service:8000", "redis:6379")}
        self._processes = Processes(folder)

    def start(self, *names: str) -> None:
        """Start services; Redis and the service are waited for."""
        for name in names:
            self._processes.start(self._program(name))
        for name, ready in (("redis", self._redis_answers), ("service", self._service_answers)):
            if name in names:
                self._processes.wait_ready(name, ready)

    def stop(self, *names: str) -> None:
        """Stop services, or all that were started."""
        self._processes.stop(*(names or [record.program.name for record in self._processes.records()]))

    def run(self, name: str, *arguments: str) -> str:
        """Run *arguments*, or what the service *name* runs, to its end and return what it printed."""
        program = self._program(name)
        words = (sys.executable, *arguments[1:]) if arguments else program.command
        done = subprocess.run(
            words, env=dict(program.environment), cwd=program.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def well(self, name: str) -> bool:
        """Return whether the health check of the service *name*, or else of its image, finds it well."""
        service = self._services[name]
        check = service.get("healthcheck", {}).get("test") or health_check(self._lineage(service))
        program = self._program(name)
        words = self._words(check[1:])
        return not subprocess.run(words, env=dict(program.environment), cwd=program.folder, check=False).returncode

    def again(self, folder: Path, bucket: str) -> "Composed":
        """Return the same on another machine: with the bucket *bucket*, and nothing else that is there already."""
        return Composed(self._root, folder, {**self.given, "MODELPRESS_BUCKET": bucket})

    def redis(self, user: str) -> "redis.Redis":
        """Return a connection to Redis as *user*."""
        password = self.given.get(f"MODELPRESS_REDIS_{user.upper()}_PASSWORD", "")
        port = self._ports["redis:6379"]
        once = Retry(NoBackoff(), 0)
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
        """Return how the service *name* reaches store and Redis."""
        return StateSettings.from_env(self._program(name).environment)

    def _program(self, name: str) -> Program:
        """Return the process of service *name*: its own command, or else the image's."""
        service = self._services[name]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": str(self._made("tmp", name))}
        if name == "redis":
            environment |= service["environment"] | {"REDIS_DATA": str(self._made("data"))}
            script = service["entrypoint"][0].replace("/etc/modelpress", str(self._root / "deploy/redis"))
            options = ("--bind", LOOPBACK, "--port", str(self._ports["redis:6379"]))
            return Program(name, ("sh", script, *options), environment, str(self._folder))
        image = self._lineage(service)
        folder = self._image(service["build"]["target"], image)
        given = {key: self._here(str(value), name) for key, value in service["environment"].items()}
        words = service.get("command") or command(image)
        environment |= {**variables(image), **given, "PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
        return Program(name, tuple(self._words(words)), environment, str(folder))

    def _lineage(self, service: dict[str, Any]) -> list[tuple[str, str]]:
        return lineage(stages(self._root), service["build"]["target"])

    def _words(self, words: list[str]) -> list[str]:
        """Return a command with our Python, and with the ports that were free."""
        first = [sys.executable] if words[0] == "python" else [sys.executable, "-m", words[0]]
        here = f"{LOOPBACK}:{self._ports['service:8000']}"
        return [*first, *(re.sub(r"(0\.0\.0\.0|127\.0\.0\.1):8000", here, word) for word in words[1:])]

    def _here(self, value: str, name: str) -> str:
        """Return a value with names of containers and mounts replaced by what stands for them."""
        value = value.replace("@redis:6379", f"@{LOOPBACK}:{self._ports['redis:6379']}")
        return str(self._made("scratch", name)) if value == "/scratch" else value

    def _image(self, target: str, image: list[tuple[str, str]]) -> Path:
        folder = self._folder / "images" / target
        if not folder.exists():
            lay_out(self._root, folder, image)
        return folder

    def _made(self, *names: str) -> Path:
        folder = self._folder.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

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
