"""The examples of docs/examples, run as their readers run them: by a fresh interpreter, with nothing else set."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.embedded.stack import ROOT, Stack

EXAMPLES = ROOT / "docs" / "examples"


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return what a fresh process sees: this project's Python first on the path, *home*, and *variables*."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **variables}


def printed(example: str, *arguments: object, home: Path, **variables: str) -> str:
    """Return what the *example* prints, given *arguments*."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *map(str, arguments)],
        cwd=home,
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def executed(program: str, asked: Mapping[str, Any], home: Path, stack: Stack) -> subprocess.CompletedProcess[str]:
    """Return how *program* ended, which imports examples and gets *asked* as its argument, in JSON."""
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "AIRFLOW_HOME": str(home / "airflow")}
    return subprocess.run(
        [sys.executable, "-c", program, json.dumps(asked)],
        cwd=EXAMPLES,
        env=environment(home, **reaching(stack), **quiet),
        capture_output=True,
        text=True,
        check=False,
    )


def reaching(stack: Stack) -> dict[str, str]:
    """Return the variables that lead a client to *stack*."""
    return {"MODELPRESS_URL": stack.url, "MODELPRESS_API_KEY": stack.api_key}
