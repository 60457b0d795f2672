"""Long-lived programs: started once, found again after a crash, never mistaken for a stranger.

Each program has a record ``run/<name>.json``: its command, its process id and that process's start time. A process id
alone proves nothing (ids are reused, above all after a reboot); id and start time together do.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

POLL_S = 0.05
PRIVATE = 0o600
LOG_TAIL_LINES = 20


class StartError(RuntimeError):
    """A program did not become ready; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        name: of the record and the log file.
        command: executable and arguments.
        environment: the whole environment of the process.
        folder: working directory.
        grace_s: how long a polite stop may take before the process is killed [s].
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    """A program and the process that runs it."""

    program: Program
    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Return whether this very process still runs."""
        return start_time(self.pid) == self.started

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the record at *path*; None where there is none, or a crash left half a one."""
        try:
            document = json.loads(path.read_text())
            program = Program(**{**document["program"], "command": tuple(document["program"]["command"])})
            return cls(program, document["pid"], document["started"])
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            return None


class Processes:
    """The programs of one state folder, with their records in ``run`` and their logs in ``log``."""

    def __init__(self, folder: Path) -> None:
        self._run = folder / "run"
        self._log = folder / "log"
        for each in (self._run, self._log):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)

    def records(self) -> list[Record]:
        """Return every program that should be running, in the order of their first start."""
        paths = sorted(self._run.glob("*.json"), key=lambda path: path.stat().st_ctime_ns)
        return [record for record in map(Record.read, paths) if record]

    def record(self, name: str) -> Record | None:
        """Return the record of *name*, alive or not."""
        return Record.read(self._run / f"{name}.json")

    def running(self, name: str) -> bool:
        """Return whether *name* runs."""
        record = self.record(name)
        return record is not None and record.alive

    def log_of(self, name: str) -> Path:
        """Return the log file of *name*."""
        return self._log / f"{name}.log"

    def start(self, program: Program) -> None:
        """Start *program* unless it runs already."""
        with self._locked():
            if self.running(program.name):
                return
            with self.log_of(program.name).open("ab") as log:
                process = subprocess.Popen(
                    program.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(program.environment),
                    cwd=program.folder,
                    start_new_session=True,
                )
            process.returncode = 0  # it outlives this object on purpose: spare us the ResourceWarning
            self._write(Record(program, process.pid, start_time(process.pid) or "gone"))

    def wait_ready(self, name: str, ready: Callable[[], bool], *, within_s: float = 60.0) -> None:
        """Return once ``ready()``.

        Raises:
            StartError: the process ended, or *within_s* passed.
        """
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.running(name):
                raise StartError(f"{name} ended while starting. {self._tail(name)}")
            if time.monotonic() > deadline:
                raise StartError(f"{name} was not ready within {within_s:.0f} s. {self._tail(name)}")
            time.sleep(POLL_S)

    def stop(self, *names: str) -> None:
        """Stop each of *names* with its children: politely, and after its grace by force. Stopped ones are fine."""
        for record in [self.record(name) for name in names]:
            if record is None:
                continue
            _stop(record)
            (self._run / f"{record.program.name}.json").unlink(missing_ok=True)

    def _write(self, record: Record) -> None:
        path = self._run / f"{record.program.name}.json"
        write_private(path, json.dumps(asdict(record), indent=1))

    def _tail(self, name: str) -> str:
        lines = self.log_of(name).read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f"The end of {self.log_of(name)}:\n" + "\n".join(lines)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self._run / "lock"):
            yield


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one lock that *path* stands for, across processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_private(path: Path, text: str) -> None:
    """Write *text* to *path* at once and readable by its owner alone: a crash leaves the old file or the new one."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "w") as file:
        file.write(text)
    fresh.replace(path)


def start_time(pid: int) -> str | None:
    """Return when process *pid* started, unique across reboots; None where it is gone or only waits to be buried."""
    _bury(pid)
    proc = Path("/proc")
    if not (proc / "self/stat").exists():
        return _start_time_by_ps(pid)
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, ticks = fields[0], fields[19]
    boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    return None if state in "ZX" else f"{boot}/{ticks}"


def _start_time_by_ps(pid: int) -> str | None:
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = shown.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def _bury(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # not our child: whoever started it buries it
        os.waitpid(pid, os.WNOHANG)


def _stop(record: Record) -> None:
    if not record.alive:  # its number may be a stranger's by now
        return
    os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + record.program.grace_s
    while record.alive and time.monotonic() < deadline:
        time.sleep(POLL_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(record.pid, signal.SIGKILL)  # itself if it still runs, and what it left behind
    while record.alive:
        time.sleep(POLL_S)
