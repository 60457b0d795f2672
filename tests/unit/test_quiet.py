"""Who may compute and who may measure on one machine at one time."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.quiet import Machine

SOON_S = 10.0
COMPUTE = """
import sys, time
from pathlib import Path
from jobs.quiet import Machine
with Machine(Path(sys.argv[1]), patience_s=60).computing():
    print("computing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Machine]:
    """Return how another job sees the machine."""
    return lambda patience_s=SOON_S: Machine(tmp_path / "locks", patience_s)


def begun(work: Callable[[], object]) -> threading.Thread:
    """Return a thread that does *work*."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> None:
    """Wait for *thread*, but not for ever."""
    thread.join(SOON_S)

    assert not thread.is_alive()


def somebody_waits(machine: Machine) -> bool:
    """Return whether a measurement waits for this machine."""
    return not machine._nobody_waits()


def holds(condition: Callable[[], bool]) -> bool:
    """Return whether *condition* comes true soon."""
    deadline = time.monotonic() + SOON_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def measure(machine: Machine, seen: list[str]) -> None:
    """Note that a measurement has begun, and whether it was alone."""
    with machine.measuring() as alone:
        seen.append("alone" if alone else "not alone")


def test_jobs_compute_side_by_side(machine: Callable[..., Machine]) -> None:
    """Any number may compute at once."""
    one, other = machine(), machine()

    with one.computing(), other.computing(), machine(patience_s=0).measuring() as alone:
        assert not alone


def test_a_measurement_waits_until_it_is_alone(machine: Callable[..., Machine]) -> None:
    """It begins when the last job has ended."""
    one, seen = machine(), []

    with one.computing():
        measuring = begun(lambda: measure(machine(), seen))
        assert holds(lambda: somebody_waits(one))
        seen.append("computed")

    ended(measuring)
    assert seen == ["computed", "alone"]


def test_a_job_makes_way_and_goes_on(machine: Callable[..., Machine]) -> None:
    """A job under way lets the measurement through where it suits it, and computes again afterwards."""
    one, seen = machine(), []

    with one.computing():
        measuring = begun(lambda: measure(machine(), seen))
        assert holds(lambda: somebody_waits(one))
        one.make_way()
        ended(measuring)
        with machine(patience_s=0).measuring() as alone:
            assert not alone

    assert seen == ["alone"]


def test_whoever_waits_to_measure_goes_before_new_jobs(machine: Callable[..., Machine]) -> None:
    """A job that begins while a measurement waits is put off until it is done."""
    one, seen = machine(), []

    def compute() -> None:
        with machine().computing():
            seen.append("new job")

    with one.computing():
        measuring = begun(lambda: measure(machine(), seen))
        assert holds(lambda: somebody_waits(one))
        new = begun(compute)
        time.sleep(0.1)
        assert seen == []

    ended(measuring)
    ended(new)
    assert seen == ["alone", "new job"]


def test_a_job_that_measures_itself_computes_on(machine: Callable[..., Machine]) -> None:
    """It is not in its own way, and is back among those that compute afterwards, also after a failure."""
    one = machine(patience_s=0)

    with one.computing():
        with one.measuring() as alone:
            assert alone
        with pytest.raises(ZeroDivisionError), one.measuring():
            raise ZeroDivisionError
        with machine(patience_s=0).measuring() as other_alone:
            assert not other_alone


def test_patience_ends(machine: Callable[..., Machine]) -> None:
    """A measurement that is never alone goes ahead and says so."""
    with machine().computing():
        began = time.monotonic()
        with machine(patience_s=0.2).measuring() as alone:
            assert not alone
        assert 0.2 <= time.monotonic() - began < SOON_S


def test_a_killed_job_is_in_nobodys_way(machine: Callable[..., Machine], tmp_path: Path) -> None:
    """What a process held is free when it is gone, however it went."""
    job = subprocess.Popen([sys.executable, "-c", COMPUTE, str(tmp_path / "locks")], stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    assert job.stdout.readline() == "computing\n"
    with machine(patience_s=0).measuring() as alone:
        assert not alone

    job.send_signal(signal.SIGKILL)
    job.wait()
    job.stdout.close()

    with machine(patience_s=0).measuring() as alone:
        assert alone
