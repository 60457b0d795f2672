"""The examples of the README, run as they stand."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from http_calls import ended
from tiny_folders import put_folder, write_model

from deploy.embedded.stack import MODELS_BUCKET, ROOT, Stack
from jobs.state.storage import S3Store

README = ROOT / "README.md"


def examples(section: str, language: str) -> list[str]:
    """Return the blocks of *language* in the README's *section*."""
    text = README.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def checkout(stack: Stack, tmp_path: Path) -> Path:
    """Return a working folder that looks as after `make up`."""
    (tmp_path / ".modelpress").mkdir()
    (tmp_path / ".modelpress" / "env").symlink_to(stack.env_file)
    return tmp_path


def run(script: str, folder: Path, **variables: str) -> str:
    """Return what bash prints of *script*, with this project's Python first on the path and nothing else set."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **variables}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_example(checkout: Path) -> None:
    """Two settings from `make up`, then the example: it shows events and the report, and what it downloads opens."""
    settings, *_ = examples("From Python", "sh")
    compress, load = examples("From Python", "python")
    write_model("bert", checkout / "my-model")
    (checkout / "compress.py").write_text(compress)
    (checkout / "load.py").write_text(load + "print(type(model).__name__, model.num_parameters())\n")
    printed = run(f"{settings}\npython compress.py", checkout)

    assert len(compress.strip().splitlines()) <= 14
    assert "The job succeeded." in printed
    assert re.search(r"parameters +22,656 +\d\d,\d{3}", printed)
    parameters = re.findall(r"^parameters +22,656 +([\d,]+)", printed, re.MULTILINE)[0].replace(",", "")
    assert run("python -I load.py", checkout) == f"BertModel {parameters}\n"


def test_the_shell_example(
    api: httpx.Client, models: S3Store, model_folders: Mapping[str, Path], checkout: Path
) -> None:
    """The request as printed is accepted, and its job succeeds."""
    (example,) = examples("From the shell", "sh")
    (name,) = re.findall(rf"s3://{MODELS_BUCKET}/([\w-]+)", example)
    put_folder(models, model_folders["bert"], name)
    job = json.loads(run(example, checkout))

    assert job["state"] == "queued"
    assert ended(api, job["id"])["state"] == "succeeded"
