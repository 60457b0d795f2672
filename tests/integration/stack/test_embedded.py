"""``up``, ``status`` and ``down`` as a person types them."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from modelpress import ModelPress

from deploy.embedded.processes import Processes, Program
from deploy.embedded.stack import MODELS_BUCKET, Stack

pytestmark = pytest.mark.e2e


def command(root: Path, folder: Path, word: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the embedded stack."""
    line = (sys.executable, "-m", "deploy.embedded", word, "--folder", str(folder))
    return subprocess.run(line, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the state folder of a stack that was brought up, and take it down afterwards."""
    folder = tmp_path_factory.mktemp("state")
    first = command(root, folder, "up")
    assert first.returncode == 0, first.stderr
    (folder / "first-words").write_text(first.stdout)
    yield folder
    command(root, folder, "down")


def read_env(folder: Path) -> dict[str, str]:
    """Return the settings that ``up`` wrote."""
    return dict(line.split("=", 1) for line in (folder / "env").read_text().splitlines())


def test_up_again_says_the_same(root: Path, folder: Path) -> None:
    """A second ``up`` starts nothing and prints the same address and key."""
    before = Processes(folder).records()
    again = command(root, folder, "up")

    assert again.stdout == (folder / "first-words").read_text()
    assert Processes(folder).records() == before


def test_the_env_file_opens_the_door(folder: Path) -> None:
    """The address and the key of the env file reach the service, and nobody else can read them."""
    env = read_env(folder)
    with ModelPress(env["MODELPRESS_URL"], env["MODELPRESS_API_KEY"]) as press:
        names = [each.name for each in press.techniques()]

    assert "head_pruning" in names
    assert stat.S_IMODE((folder / "env").stat().st_mode) == 0o600


def test_sessions_of_the_page_outlast_a_restart(folder: Path) -> None:
    """What signs them is made once and kept as privately as the key; the service is told it, the worker is not."""
    kept = folder / "page_secret"
    programs = {each.name: each.environment for each in Stack(folder)._own_programs()}

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text()) >= 43
    assert programs["service"]["MODELPRESS_PAGE_SECRET"] == kept.read_text()
    assert "MODELPRESS_PAGE_SECRET" not in programs["worker"] | programs["janitor"]


def test_a_model_to_try_is_there(folder: Path) -> None:
    """``up`` has put a real model where the README's example looks for it."""
    keys = {found.key for found in Stack(folder).store(MODELS_BUCKET).list("minilm/")}

    assert {"minilm/config.json", "minilm/model.safetensors", "minilm/tokenizer.json"} <= keys


def test_a_killed_worker_comes_back(folder: Path) -> None:
    """The supervisor starts the worker again after it was killed."""
    processes = Processes(folder)
    before = processes.record("worker")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes.record("worker") == before and time.monotonic() < deadline:
        time.sleep(0.1)

    assert processes.record("worker") != before
    assert processes.running("worker")


def test_after_a_power_cut_everything_comes_back(root: Path, folder: Path) -> None:
    """``up`` after all processes were killed at once keeps the address and the key."""
    processes = Processes(folder)
    supervisor = processes.record("supervisor")
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    for record in processes.records():
        if record.alive:
            os.killpg(record.pid, signal.SIGKILL)
    again = command(root, folder, "up")

    assert again.stdout == (folder / "first-words").read_text()
    assert command(root, folder, "status").returncode == 0


def test_down_may_be_repeated(root: Path, folder: Path) -> None:
    """``down`` stops every process, and again finds nothing to do."""
    records = Processes(folder).records()
    codes = [command(root, folder, "down").returncode for _ in range(2)]

    assert codes == [0, 0]
    assert not [record for record in records if record.alive]
    assert command(root, folder, "status").returncode == 1


class Interrupted(Stack):
    """A stack whose user loses patience while it starts."""

    def start(self, owner: int | None = None) -> None:
        """Start one program, then be interrupted."""
        self.processes.start(Program("redis", ("sleep", "60"), {"PATH": os.environ["PATH"]}, str(self.folder)))
        raise KeyboardInterrupt


def test_an_interrupted_start_leaves_nothing_running(tmp_path: Path) -> None:
    """What runs already is stopped when the rest is not started any more."""
    stack = Interrupted(tmp_path)
    with pytest.raises(KeyboardInterrupt), stack:
        pytest.fail("the block must not be entered")

    assert stack.processes.records() == []
