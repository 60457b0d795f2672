"""The three doors: what comes back loads in a fresh process, bit for bit, without this project."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from artifacts import Artifact, artifacts
from cuts import NATIVE, PACKED, STRUCTURAL
from fresh import CLIENT, answer_of

OPEN = """
from safetensors.torch import load_file
shelf, wanted, options = (json.loads(each) for each in sys.argv[2:])
for name, auto in wanted:
    model = getattr(transformers, auto).from_pretrained(f"{shelf}/{name}", **options)
    stored = load_file(f"{shelf}/{name}/verification.safetensors")
    inputs = {key.removeprefix("input."): value for key, value in stored.items() if key.startswith("input.")}
    with torch.no_grad():
        outputs = {"output.last_hidden_state": model.base_model(**inputs).last_hidden_state}
        outputs["output.logits"] = getattr(model(**inputs), "logits", None)
    expected = {key: value for key, value in stored.items() if key.startswith("output.")}
    stock = getattr(transformers, type(model).__name__)
    answer[name] = {
        "equal": all(torch.equal(outputs[key], value) for key, value in expected.items()),
        "compared": sorted(expected),
        "stock": isinstance(model, stock),
        "eval": not model.training,
    }
"""
Opened = dict[str, Any]
CLOSED = {**STRUCTURAL, **PACKED}
"""What plain transformers cannot open."""


def _open(wanted: list[Artifact], shelf: Path, home: Path, before: str = "", **options: Any) -> Opened:
    listed = [[artifact.name, artifact.auto] for artifact in wanted]
    path = (CLIENT,) if before else ()
    found: Opened = answer_of(before + OPEN, str(shelf), listed, options, home=home, path=path)
    return found


@pytest.fixture(scope="module")
def native(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Return what plain transformers makes of every native artifact."""
    return _open(artifacts(NATIVE), shelf, tmp_path_factory.mktemp("door1"))


@pytest.fixture(scope="module")
def with_client(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Return what transformers and the client make of every structural and every packed artifact."""
    home = tmp_path_factory.mktemp("door2")
    return _open(artifacts(CLOSED), shelf, home, "import modelpress.transformers\n")


@pytest.fixture(scope="module")
def with_trust(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Return what transformers makes of every structural artifact when it may run the folder's code."""
    return _open(artifacts(CLOSED), shelf, tmp_path_factory.mktemp("door3"), trust_remote_code=True)


def _check(opened: Opened, artifact: Artifact) -> None:
    compared = (
        ["output.last_hidden_state"] if artifact.head == "Model" else ["output.last_hidden_state", "output.logits"]
    )

    assert opened[artifact.name] == {"equal": True, "compared": compared, "stock": True, "eval": True}


def named(cuts: dict[str, Callable[..., None]]) -> Any:
    """Return the parametrisation over every artifact with one of *cuts*."""
    return pytest.mark.parametrize("artifact", artifacts(cuts), ids=lambda artifact: artifact.name)


@named(dict(NATIVE))
def test_native_results_open_in_plain_transformers(native: Opened, artifact: Artifact) -> None:
    """A result that fits the stock config needs nothing but from_pretrained."""
    _check(native, artifact)


@named(CLOSED)
def test_structural_results_open_with_the_client(with_client: Opened, artifact: Artifact) -> None:
    """Importing modelpress.transformers opens any structure with the stock Auto classes."""
    _check(with_client, artifact)


@named(CLOSED)
def test_structural_results_open_with_trust(with_trust: Opened, artifact: Artifact) -> None:
    """The code beside the weights opens any structure with nothing installed but transformers."""
    _check(with_trust, artifact)
