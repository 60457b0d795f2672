"""Stands in for ``jobs.pipeline`` in a real worker: does what the job's label ``do`` says."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from jobs.contract.errors import StorageError, UnsafeFormatError
from jobs.contract.spec import CompressionSpec

StageProgress = Callable[..., None]


@dataclass(frozen=True)
class Folders:
    """As the real one."""

    source: Path
    out: Path
    data: Path | None = None
    origin: Mapping[str, str | None] = field(default_factory=dict)
    cache: Any = None
    resuming: Any = None
    quiet: Any = None
    labelled: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeReport:
    """Has what the task reads of a report."""

    origin: Mapping[str, str | None]

    def to_json(self) -> dict[str, Any]:
        """Return a small report."""
        return {"model": {**self.origin, "architecture": "Tiny"}, "environment": {"torch": "2", "logical_cpus": 2}}


def run(spec: CompressionSpec, folders: Folders, progress: StageProgress) -> FakeReport:
    """Do what the label says, then write a small artifact."""
    _DEEDS[spec.labels["do"]](spec, progress)
    (folders.out / "config.json").write_text("{}")
    (folders.out / "sub").mkdir()
    (folders.out / "sub" / "model.safetensors").write_bytes((folders.source / "model.safetensors").read_bytes() * 3)
    return FakeReport(folders.origin)


def preload() -> None:
    """Load the task, in place of ``jobs.preloading``."""
    import_module("jobs.tasks")


def _succeed(spec: CompressionSpec, progress: StageProgress) -> None:
    progress("compress", 1, 1, "done")


def _refuse(spec: CompressionSpec, progress: StageProgress) -> None:
    progress("load", 0, 1)
    raise UnsafeFormatError("The checkpoint is pickled.")


def _fall_over(spec: CompressionSpec, progress: StageProgress) -> None:
    raise ValueError("canary")


def _lose_store(spec: CompressionSpec, progress: StageProgress) -> None:
    if _first_time(spec):
        raise StorageError("The store is away.")


def _die(spec: CompressionSpec, progress: StageProgress) -> None:
    if _first_time(spec):
        os.kill(os.getpid(), signal.SIGKILL)


def _work(spec: CompressionSpec, progress: StageProgress) -> None:
    """Work with reports until the label's file appears, 60 s at most; leave the process id behind."""
    mark = Path(spec.labels["mark"])
    mark.with_suffix(f".{os.getpid()}").touch()
    for step in range(1200):
        progress("compress", step, 1200)
        if mark.exists():
            return
        time.sleep(0.05)


def _hang(spec: CompressionSpec, progress: StageProgress) -> None:
    """Be deaf to everything but SIGKILL, the first time."""
    if _first_time(spec):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True:
            time.sleep(1)


def _sleep(spec: CompressionSpec, progress: StageProgress) -> None:
    time.sleep(60)


def _balloon(spec: CompressionSpec, progress: StageProgress) -> None:
    """Take more and more memory."""
    held = []
    for step in range(1000):
        progress("compress", step, 1000)
        held.append(bytearray(20 * 2**20))
        time.sleep(0.02)


def _litter(spec: CompressionSpec, progress: StageProgress) -> None:
    """Write more and more into the working folder."""
    (folder,) = Path(os.environ["MODELPRESS_TEMP_DIR"]).glob("*/*-a1")
    for step in range(1000):
        progress("compress", step, 1000)
        (folder / f"{step}.bin").write_bytes(os.urandom(2**20))
        time.sleep(0.02)


def _devour(spec: CompressionSpec, progress: StageProgress) -> None:
    """Need more disk than a limited child may have, and more memory."""
    (folder,) = Path(os.environ["MODELPRESS_TEMP_DIR"]).glob("*/*-a1")
    (folder / "big.bin").write_bytes(bytes(2**20))
    [bytearray(100 * 2**20) for _ in range(10)]


def _tell_environment(spec: CompressionSpec, progress: StageProgress) -> None:
    """Write down what a process that is started here would inherit."""
    Path(spec.labels["mark"]).write_text(json.dumps(dict(os.environ)))


def _leave_behind(spec: CompressionSpec, progress: StageProgress) -> None:
    """Start a process that outlives this one, unless somebody ends it."""
    process = os.fork()
    if process == 0:
        time.sleep(60)
        os._exit(0)
    Path(spec.labels["mark"]).with_suffix(f".{process}").touch()


def _first_time(spec: CompressionSpec) -> bool:
    mark = Path(spec.labels["mark"])
    first = not mark.exists()
    mark.touch()
    return first


_DEEDS = {
    "succeed": _succeed,
    "refuse": _refuse,
    "fall over": _fall_over,
    "lose store": _lose_store,
    "die": _die,
    "work": _work,
    "hang": _hang,
    "sleep": _sleep,
    "balloon": _balloon,
    "litter": _litter,
    "devour": _devour,
    "leave behind": _leave_behind,
    "tell environment": _tell_environment,
}
