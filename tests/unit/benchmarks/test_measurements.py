"""The benchmarks are programs beside the project: they keep up with it, and hide no failure of what they compare."""

from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks.quality.points import point

ROOT = Path(__file__).parents[3]
PROGRAMS = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("benchmarks/**/*.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_finds_what_it_measures(program: str) -> None:
    """What a benchmark imports of the project is there."""
    module = import_module(program)

    assert module.__doc__ or program.endswith("__init__")


def test_a_method_that_fails_is_a_row_that_says_so() -> None:
    """Another tool's failure is kept by name with its message, and nothing else is measured of it."""

    def refuse(*_: Any) -> Any:
        raise KeyError("gradnas")

    found = point(cast("Any", None), "another tool", refuse, 0.5)

    assert found == {"method": "another tool", "asked": 0.5, "failed": "KeyError: 'gradnas'"}
