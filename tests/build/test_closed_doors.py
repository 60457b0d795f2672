"""What the code never does with what strangers send, wherever it may be written: run it, unpickle it, unpack it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for part in ("jobs", "service") for path in sorted((ROOT / part).rglob("*.py"))]
UNPACKERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "zipfile", "tarfile", "shutil"}
RUNNERS = {"eval", "exec", "__import__"}
OPENERS = {"load", "loads", "open", "unpack_archive", "ZipFile", "Unpickler"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in a file with what it calls, as ``torch.load``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> str | None:
    """Return how an argument is written; None where it is not."""
    return next((ast.unparse(each.value) for each in call.keywords if each.arg == name), None)


@cache
def everywhere() -> tuple[tuple[str, str, ast.Call], ...]:
    """Return every call of the project with where it stands."""
    found = ((path, name, call) for path in SOURCES for name, call in calls(path))
    return tuple((f"{path.relative_to(ROOT)}:{call.lineno}", name, call) for path, name, call in found)


def test_code_of_strangers_is_never_trusted() -> None:
    """No call says that foreign code may run, and none leaves it open what to say."""
    found = [where for where, _, call in everywhere() if keyword(call, "trust_remote_code") not in {None, "False"}]

    assert found == []


def test_doors_that_could_run_code_are_told_not_to() -> None:
    """Wherever transformers chooses a class by a folder's own words, it is told to run no code and to ask no hub."""
    autos = [
        (where, keyword(call, "trust_remote_code"), keyword(call, "local_files_only"))
        for where, name, call in everywhere()
        if name.startswith("Auto") and name.endswith(".from_pretrained")
    ]

    assert len(autos) >= 3
    assert [each for each in autos if each[1:] != ("False", "True")] == []


@pytest.mark.parametrize("name", sorted(RUNNERS))
def test_nothing_is_run_by_its_text(name: str) -> None:
    """The project evaluates no text as code."""
    assert [where for where, called, _ in everywhere() if called == name] == []


def test_nothing_is_unpickled_or_unpacked() -> None:
    """No module that opens pickles or archives is called to open one, and torch loads nothing."""
    found = []
    for where, name, _ in everywhere():
        module, _, function = name.rpartition(".")
        if (module in UNPACKERS or module == "torch") and function in OPENERS:
            found.append(f"{where} {name}")

    assert found == []


def test_arrays_are_loaded_without_pickles() -> None:
    """numpy, where it loads anything, is not allowed objects."""
    loads = [(where, call) for where, name, call in everywhere() if name in {"np.load", "numpy.load"}]

    assert [where for where, call in loads if keyword(call, "allow_pickle") not in {None, "False"}] == []
