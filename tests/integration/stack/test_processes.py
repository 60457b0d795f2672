"""Programs as really started and stopped: `sleep` and small Python scripts stand for servers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.embedded.processes import Processes, Program, Record, StartError, start_time

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def sleeper(folder: Path, name: str = "sleeper") -> Program:
    """Return a program that does nothing for a minute."""
    return Program(name, ("sleep", "60"), {"PATH": os.environ["PATH"]}, str(folder))


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Return whether *condition* comes true in time."""
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Return the processes of a fresh folder, stopped afterwards."""
    processes = Processes(tmp_path)
    yield processes
    processes.stop("supervisor", *(record.program.name for record in processes.records()))


def test_starting_twice_starts_once(processes: Processes, tmp_path: Path) -> None:
    """A program that runs is not started again."""
    processes.start(sleeper(tmp_path))
    first = processes.record("sleeper")
    processes.start(sleeper(tmp_path))

    assert processes.record("sleeper") == first


def test_stopping_twice_is_fine(processes: Processes, tmp_path: Path) -> None:
    """A stopped program has no record, and stopping it again does nothing."""
    processes.start(sleeper(tmp_path))
    processes.stop("sleeper")
    processes.stop("sleeper")

    assert processes.records() == []


def test_a_stale_record_never_kills_a_stranger(processes: Processes, tmp_path: Path) -> None:
    """A process that got the number of an old one survives the stop of the old one."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        stale = Record(sleeper(tmp_path), stranger.pid, "an-earlier-boot/4711")
        processes._write(stale)
        processes.stop("sleeper")

        assert stranger.poll() is None
        stranger.kill()


def test_half_a_record_is_no_record(processes: Processes, tmp_path: Path) -> None:
    """A record that a crash cut short counts as none."""
    (tmp_path / "run/sleeper.json").write_text('{"program": {"name"')

    assert processes.records() == []
    assert not processes.running("sleeper")


def test_a_stubborn_program_is_killed(processes: Processes, tmp_path: Path) -> None:
    """A program that ignores the polite signal is killed after its grace."""
    program = Program("deaf", (sys.executable, "-c", STUBBORN), {}, str(tmp_path), grace_s=0.3)
    processes.start(program)
    assert eventually(lambda: "deaf" in processes.log_of("deaf").read_text())
    record = processes.record("deaf")
    processes.stop("deaf")

    assert record is not None
    assert start_time(record.pid) is None


def test_a_program_that_fails_shows_its_log(processes: Processes, tmp_path: Path) -> None:
    """The error of a program that ends at once holds what it said last."""
    command = (sys.executable, "-c", "raise SystemExit('no such luck')")
    processes.start(Program("unlucky", command, {}, str(tmp_path)))

    with pytest.raises(StartError, match="no such luck"):
        processes.wait_ready("unlucky", lambda: False)


def test_the_supervisor_starts_a_dead_program_again(processes: Processes, tmp_path: Path, root: Path) -> None:
    """A killed program runs again, as another process."""
    processes.start(sleeper(tmp_path))
    processes.start(supervisor(root, tmp_path))
    before = processes.record("sleeper")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)

    assert eventually(lambda: processes.running("sleeper") and processes.record("sleeper") != before)


def test_everything_ends_with_its_owner(processes: Processes, tmp_path: Path, root: Path) -> None:
    """When the owner is killed, the supervisor stops all programs and itself."""
    with subprocess.Popen(["sleep", "60"]) as owner:
        processes.start(sleeper(tmp_path))
        processes.start(supervisor(root, tmp_path, str(owner.pid)))
        assert eventually(lambda: processes.running("supervisor"))
        owner.kill()

    assert eventually(lambda: not processes.running("sleeper") and not processes.running("supervisor"))


def supervisor(root: Path, folder: Path, *owner: str) -> Program:
    """Return the supervisor of *folder*."""
    command = (sys.executable, "-m", "deploy.embedded.supervisor", str(folder), *owner)
    return replace(sleeper(folder, "supervisor"), command=command, environment={"PYTHONPATH": str(root)})
