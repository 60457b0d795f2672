"""The client as a package: light, typed, and true to the contract."""

import re
import subprocess
import sys
from pathlib import Path

import modelpress
import pytest
from modelpress import errors

SLOW_MACHINE = 4  # a third of a second on a quiet one
CLIENT = Path(modelpress.__file__).parents[1]


def test_importing_the_client_is_light() -> None:
    """Whoever only submits jobs loads nothing that others need: no torch, no tables, no bars, no second half."""
    heavy = ("torch", "transformers", "numpy", "pandas", "tqdm", "tomlkit", "modelpress._async")
    code = f"import modelpress, sys, time; print([m for m in {heavy} if m in sys.modules], time.process_time())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, cpu_s = run.stdout.rsplit(maxsplit=1)

    assert loaded == "[]"
    assert float(cpu_s) < 0.5 * SLOW_MACHINE


def test_every_public_name_is_there() -> None:
    """What the package lists can be imported, the parts that need torch aside."""
    assert all(hasattr(modelpress, name) for name in modelpress.__all__ if name not in {"load", "verify"})


def test_without_torch_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a model with the light client learns the name of the extra."""
    monkeypatch.setitem(sys.modules, "modelpress.loading", None)

    with pytest.raises(ImportError, match=r"modelpress-client\[torch\]"):
        modelpress.load  # noqa: B018 - reading it is the test


def test_the_package_says_that_it_is_typed() -> None:
    """Type checkers of other projects look for the marker."""
    assert (CLIENT / "modelpress" / "py.typed").exists()


def test_the_generated_code_is_what_the_contract_gives() -> None:
    """Nobody edits the generated code, and nobody forgets to generate it."""
    run = subprocess.run(
        [sys.executable, CLIENT / "generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout) == (0, "")


def test_the_tree_of_errors_is_as_drawn() -> None:
    """The picture in the module's docstring is the class hierarchy."""
    above: dict[int, str] = {-4: "Exception"}
    drawn = re.findall(r"^ {4}([ │├└─]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    for indent, name in drawn:
        above = {depth: other for depth, other in above.items() if depth < len(indent)} | {len(indent): name}
        parent = above[len(indent) - 4]

        assert parent in {base.__name__ for base in getattr(errors, name).__bases__}, name
    defined = {name for name, value in vars(errors).items() if name.endswith("Error") and issubclass(value, Exception)}
    assert defined == {name for _, name in drawn}
