"""The notebook of the documentation, run as a reader would from top to bottom."""

from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

import nbformat
import pytest
from nbclient import NotebookClient

from deploy.embedded.stack import ROOT, Stack

NOTEBOOK = ROOT / "docs/notebooks/first_steps.ipynb"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's own parts
def test_the_notebook_runs(
    stack: Stack,
    tmp_path: Path,
    model_folders: Mapping[str, Path],
    data_folders: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every cell ends well, reports are shown as tables, and the last one counts the parameters of a smaller model."""
    copytree(model_folders["bert"], tmp_path / "my-model")
    copytree(data_folders["bert"], tmp_path / "texts")
    for name, value in {
        "MODELPRESS_URL": stack.url,
        "MODELPRESS_API_KEY": stack.api_key,
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    ran = NotebookClient(
        nbformat.read(NOTEBOOK, as_version=4), timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in ran.cells if cell.cell_type == "code" for output in cell.outputs]
    results = [output.data for output in outputs if output.output_type == "execute_result"]

    assert sum("text/html" in data for data in results) == 2
    assert int(results[-1]["text/plain"]) < 22_656


def test_it_was_kept_without_results() -> None:
    """What is committed are the cells alone: figures in it would age."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert not any(cell.outputs or cell.execution_count for cell in cells if cell.cell_type == "code")
