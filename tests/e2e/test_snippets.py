"""Every example of the documentation runs, or says why it does not.

Above a block of shell or Python stands one of these: ``<!-- run -->`` (it is run here, in the page's order, in a folder
with a model ``my-model``, texts ``texts`` and a request ``request.yaml``, beside a model ``s3://models/minilm``),
``<!-- run by FILE -->`` (another test does), ``<!-- not run: WHY -->``, or ``<!-- file: NAME -->`` (a file of
``docs/examples``, which has its own test).
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

import pytest
from tiny_folders import put_folder

from deploy.embedded.stack import ROOT, Stack
from jobs.state.storage import S3Store

BLOCK = re.compile(r"^(?P<mark>[^\n]*)\n```(?P<language>sh|bash|python)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"<!-- (?:(?P<run>run)|run by (?P<by>\S+)|not run: (?P<why>.{8,})|file: (?P<file>\S+)) -->")
NOT_RUN_MAX = 8
"""A page that only shows is not trusted: more of them need a reason that this file is told."""
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "clients/python/README.md",
        *ROOT.glob("docs/**/*.md"),
    )
    if BLOCK.search(path.read_text())
)


def blocks(page: str) -> list[re.Match[str]]:
    """Return the examples of *page*."""
    return list(BLOCK.finditer((ROOT / page).read_text()))


def marks(page: str) -> list[re.Match[str] | None]:
    """Return what stands above each."""
    return [MARK.fullmatch(block["mark"].strip()) for block in blocks(page)]


RUN = [page for page in PAGES if any(mark and mark["run"] for mark in marks(page))]


@pytest.mark.parametrize("page", PAGES)
def test_every_example_says_who_runs_it(page: str) -> None:
    """There is a mark above it, and the file that it names exists and knows the page."""
    without = [block["code"] for block, mark in zip(blocks(page), marks(page), strict=True) if mark is None]
    others = [ROOT / mark["by"] for mark in marks(page) if mark and mark["by"]]

    assert not without
    assert all(Path(page).name in other.read_text() for other in others)


def test_few_examples_are_only_shown() -> None:
    """Those that need a network, a container engine or an hour."""
    assert sum(bool(mark and mark["why"]) for page in PAGES for mark in marks(page)) <= NOT_RUN_MAX


@pytest.mark.parametrize("page", RUN)
def test_the_examples_of_a_page_run(
    *,
    page: str,
    stack: Stack,
    models: S3Store,
    tmp_path: Path,
    model_folders: Mapping[str, Path],
    data_folders: Mapping[str, Path],
) -> None:
    """One after the other, as a reader would, in one folder."""
    copytree(model_folders["bert"], tmp_path / "my-model")
    copytree(data_folders["bert"], tmp_path / "texts")
    put_folder(models, model_folders["bert"], "minilm")
    (tmp_path / "request.yaml").write_text(
        "model: {uri: s3://models/minilm}\nsteps: [{technique: low_rank, rank: 8}]\n"
    )
    for block, mark in zip(blocks(page), marks(page), strict=True):
        if mark and mark["run"]:
            ended = run(block["language"], block["code"], tmp_path, stack)

            assert ended.returncode == 0, f"{block['code']}\n{ended.stdout}{ended.stderr}"


def run(language: str, code: str, folder: Path, stack: Stack) -> subprocess.CompletedProcess[str]:
    """Return how *code* ended, with the settings of an operator, and a key as callers have it."""
    environment = {
        **stack.environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "MODELPRESS_URL": stack.url,
        "MODELPRESS_API_KEY": stack.api_key,
        "MODELPRESS_METRICS_TOKEN": (stack.folder / "metrics_token").read_text(),
    }
    interpreter = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    return subprocess.run(
        [*interpreter, code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
