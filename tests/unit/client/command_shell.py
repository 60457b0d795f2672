"""The command ``modelpress`` as a test runs it."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from modelpress.command.main import main


@dataclass(frozen=True)
class Ran:
    """How a run of the command ended, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return the one JSON document on stdout."""
        return json.loads(self.out)


class Shell:
    """Runs command lines in this process."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def __call__(self, *arguments: str) -> Ran:
        """Run ``modelpress`` with *arguments*."""
        code = main(arguments)
        return Ran(code, *self._captured.readouterr())
