"""``make fuzz``: schemathesis on a whole stack."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_whole_stack_holds_its_contract() -> None:
    """A few operations, one that takes keys among them, are tried with our settings, and nothing is found."""
    options = ("--include-path=/v1/profiles", "--include-path=/v1/techniques", "--max-examples=5", "--seed=1")
    command = (sys.executable, "-m", "deploy.fuzz", *options)
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "No issues found" in ended.stdout
