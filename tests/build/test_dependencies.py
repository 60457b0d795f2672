"""What the code imports is what its part of ``pyproject.toml`` installs."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PARTS = {
    "jobs/contract": (),
    "jobs/state": (),
    "service": ("service",),
    "jobs": ("worker",),
}
"""Each part of the code, and the extras that it is installed with."""


def declared(root: Path, extras: tuple[str, ...]) -> set[str]:
    """Return the distributions that the project asks for itself and with *extras*."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each file of *folder* with every foreign top-level package that it imports."""
    ours = {"jobs", "service", "deploy", "modelpress"}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module or "")
            for name in {each.partition(".")[0] for each in names} - ours - sys.stdlib_module_names:
                yield file.name, name


@pytest.mark.parametrize("part", PARTS)
def test_every_import_is_declared(part: str, pytestconfig: pytest.Config) -> None:
    """A part that is installed alone, as in its container, finds all that it imports."""
    root, known = pytestconfig.rootpath, packages_distributions()
    asked = declared(root, PARTS[part])

    missing = {
        f"{file}: {name}"
        for file, name in imported(root / part)
        if asked.isdisjoint(canonicalize_name(each) for each in known.get(name, [name]))
    }

    assert not missing
