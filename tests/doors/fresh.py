"""A fresh interpreter without this project: what a stranger who downloaded a folder has."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).parents[2] / "clients" / "python"
_PREAMBLE = """
import json, sys

class Hidden:  # this project's packages: installed to be worked on, even an isolated interpreter finds them
    names = {"clients", "deploy", "jobs", "service"} | (set() if sys.argv[1] != "[]" else {"modelpress"})

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.names:
            raise ModuleNotFoundError(f"{name} is not there for a stranger")

sys.path += json.loads(sys.argv[1])
sys.meta_path.insert(0, Hidden)
import torch, transformers
torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
answer = {}
"""
_END = """
print("answer:" + json.dumps(answer))
"""


def answer_of(script: str, *arguments: Any, home: Path, path: tuple[Path, ...] = ()) -> Any:
    """Return what *script* puts into its dict ``answer``; it finds *arguments*, as JSON, in ``sys.argv[2:]``.

    Args:
        script: lines of Python, run isolated and offline, with no terminal.
        arguments: JSON values.
        home: an empty folder, for caches and as working directory.
        path: folders to import from, beside the installed packages.
    """
    environment = {
        "HOME": str(home),
        "HF_HOME": str(home / "hub"),
        "HF_MODULES_CACHE": str(home / "modules"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": os.environ["PATH"],
    }
    lines = [json.dumps([str(each) for each in path]), *(json.dumps(each) for each in arguments)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PREAMBLE + script + _END, *lines],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr[-4000:])
    return json.loads(done.stdout.rpartition("answer:")[2])
