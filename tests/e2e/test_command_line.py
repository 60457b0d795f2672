"""The command ``modelpress`` in a shell, with a whole stack: what its page says to type, and what may come between."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

import pytest

from deploy.embedded.stack import ROOT, Stack

PAGE = ROOT / "docs/command.md"
MARK = "<!-- run by tests/e2e/test_command_line.py -->"
FIRST_STEPS, AFTERWARDS, PIPELINE = range(3)
HEADS = "modelpress compress ./my-model -t head_pruning:heads_removed=0.5"


def snippet(which: int) -> str:
    """Return one of the page's marked blocks."""
    return re.findall(rf"^{re.escape(MARK)}\n```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)[which]


class Terminal:
    """A folder with a model and texts, and a shell that knows the service."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        self.folder = folder
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "MODELPRESS_URL": stack.url,
            "MODELPRESS_API_KEY": stack.api_key,
        }

    def begin(self, script: str, **changes: str | None) -> subprocess.Popen[str]:
        """Start *script*; *changes* to the environment are new values, or None for what it does without."""
        environment = {name: value for name, value in (self.environment | changes).items() if value is not None}
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, typed: str = "", **changes: str | None) -> tuple[int, str, str]:
        """Return how *script* ends, and what it writes to stdout and stderr."""
        process = self.begin(script, **changes)
        out, err = process.communicate(typed)
        return process.returncode, out, err


@pytest.fixture
def terminal(
    stack: Stack, tmp_path: Path, model_folders: Mapping[str, Path], data_folders: Mapping[str, Path]
) -> Terminal:
    """Return a terminal in a folder with ``my-model`` and ``texts``."""
    copytree(model_folders["bert"], tmp_path / "my-model")
    copytree(data_folders["bert"], tmp_path / "texts")
    return Terminal(tmp_path, stack)


def test_a_local_model_is_compressed_and_loaded_by_what_the_page_says(terminal: Terminal, stack: Stack) -> None:
    """Who has nothing but an address and a key types four lines and sees the smaller model."""
    code, out, err = terminal.run(
        snippet(FIRST_STEPS), f"{stack.url}\n{stack.api_key}\n", MODELPRESS_URL=None, MODELPRESS_API_KEY=None
    )

    assert code == 0, err
    assert "Saved as 'default'" in out
    assert re.search(r"^parameters +22,656 +18,464", out, re.MULTILINE)
    assert "bit for bit" in out
    assert "BertModel(" in out
    assert "Uploading my-model" in err


def test_a_job_is_taken_up_again_by_its_id(terminal: Terminal) -> None:
    """The id is all that a script has to keep; events, report and files follow from it."""
    code, out, err = terminal.run(snippet(AFTERWARDS))

    assert code == 0, err
    assert "The job succeeded." in out
    assert (terminal.folder / "smaller/model.safetensors").exists()


def test_a_pipeline_stops_at_a_gate_that_is_not_met(terminal: Terminal) -> None:
    """The page's own gates on a model too small to be any faster: exit 4, no files, and a document that says which."""
    snippet_of_page = snippet(PIPELINE).replace("speedup>=1.5", "speedup>=100")
    code, _, err = terminal.run(snippet_of_page)
    outcome = json.loads((terminal.folder / "outcome.json").read_text())

    assert code == 4, err
    assert outcome["gates"][0]["met"] is False
    assert outcome["job"]["state"] == "succeeded"
    assert "Not met: speedup>=100" in err
    assert not (terminal.folder / "smaller").exists()


def test_a_pipeline_goes_on_where_its_gates_are_met(terminal: Terminal) -> None:
    """Counts do not depend on the machine: they are exactly what was asked for."""
    code, out, err = terminal.run(
        f"{HEADS} --require 'params_ratio<=0.82' --require 'params<20k' --download out --json"
    )

    assert code == 0, err
    assert [each["met"] for each in json.loads(out)["gates"]] == [True, True]
    assert (terminal.folder / "out/manifest.json").exists()


def test_ctrl_c_leaves_the_job_to_be_cancelled(terminal: Terminal) -> None:
    """The wait ends, the job does not; who follows it sees it end as cancelled."""
    process = terminal.begin(
        "exec modelpress compress ./my-model -t distillation:layers_removed=0.5,steps=100000 --data ./texts --wait"
    )
    assert process.stderr is not None
    said = ""
    while "started" not in said:
        said += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, last = process.communicate()
    (job,) = set(re.findall(r"modelpress cancel (job_\w+)", last))

    assert process.returncode == 130
    assert terminal.run(f"modelpress cancel {job}")[0] == 0
    assert terminal.run(f"modelpress events {job} --follow")[0] == 3


def test_what_stands_in_the_way_has_a_code_and_a_remedy(terminal: Terminal) -> None:
    """A wrong key, an address where nobody listens, and a technique that is misspelt."""
    nobody = terminal.run("modelpress jobs", MODELPRESS_URL="http://127.0.0.1:9")
    stranger = terminal.run(HEADS, MODELPRESS_API_KEY="mp_wrong")
    slip = terminal.run(HEADS.replace("head_pruning", "hed_pruning"))

    assert (nobody[0], stranger[0], slip[0]) == (69, 77, 2)
    assert "Connection refused" in nobody[2]
    assert "modelpress login" in stranger[2]
    assert "Did you mean head_pruning?" in slip[2]
