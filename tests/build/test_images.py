"""The Dockerfile, as far as it can be tried without containers."""

import os
import re
import subprocess
import sys
import venv
from fnmatch import fnmatch
from pathlib import Path

import pytest
from dockerfile import command, copied, lay_out, lineage, stages, variables

TARGETS = ("service", "worker", "worker-cuda")


def test_the_linter_finds_nothing(root: Path) -> None:
    """Hadolint has nothing to say about the Dockerfile."""
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([linter, root / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")


def test_the_base_is_pinned(root: Path) -> None:
    """Every stage starts from another stage or from an image with a full version."""
    found = stages(root)
    outside = {stage.parent for stage in found.values()} - found.keys()

    assert outside
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", parent) for parent in outside)


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_nobody_special(root: Path, target: str) -> None:
    """The last user of each image is a number that is not root's."""
    users = [rest for word, rest in lineage(stages(root), target) if word == "USER"]

    assert int(users[-1]) > 0


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_says_how_it_is(root: Path, target: str) -> None:
    """Each image has a health check and a command in exec form."""
    instructions = dict(lineage(stages(root), target))

    assert "HEALTHCHECK" in instructions
    assert command(lineage(stages(root), target))


def test_no_secret_is_baked_in(root: Path) -> None:
    """No build argument or variable is named like a secret."""
    names = [rest for stage in stages(root).values() for word, rest in stage.instructions if word in {"ARG", "ENV"}]

    assert not [each for each in names if re.search(r"(?i)secret|password|token|_key", each)]


def test_what_is_copied_exists_and_is_let_through(root: Path) -> None:
    """Every copied path is in the repository, and .dockerignore allows it."""
    allowed = [line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = {source for stage in stages(root).values() for source, _ in copied(stage.instructions)}

    assert all((root / source).exists() for source in sources)
    assert all(any(fnmatch(source, f"{each}*") for each in allowed) for source in sources)


def test_the_service_image_has_all_that_the_service_imports(root: Path, tmp_path: Path) -> None:
    """The service starts from the files of its image alone, and never loads torch."""
    lay_out(root, tmp_path, stages(root)["service"].instructions)
    code = "import service.app, sys; print(service.app.__file__); sys.exit('torch' in sys.modules)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(tmp_path))


@pytest.mark.slow
def test_the_service_image_installs(root: Path, tmp_path: Path) -> None:
    """The image's own pip commands give an environment in which gunicorn finds the service and torch is missing."""
    found = stages(root)
    installs = [
        rest for word, rest in lineage(found, "service-dependencies") if word == "RUN" and rest.startswith("pip ")
    ]
    lay_out(root, tmp_path, lineage(found, "service-dependencies"))
    venv.create(tmp_path / "venv", with_pip=True)
    environment = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HOME"))}
    environment["PATH"] = f"{tmp_path / 'venv/bin'}:{os.environ['PATH']}"
    for install in installs:
        subprocess.run(install, shell=True, cwd=tmp_path, env=environment, check=True)  # noqa: S602 - the image's own
    lay_out(root, tmp_path, found["service"].instructions)
    python = tmp_path / "venv/bin/python"

    assert (
        subprocess.run([python, "-c", "import service.app"], cwd=tmp_path, env=environment, check=False).returncode == 0
    )
    assert subprocess.run([python, "-c", "import torch"], env=environment, check=False, stderr=-1).returncode == 1


def test_workers_for_gpus_differ_in_their_torch_alone(root: Path) -> None:
    """The worker for GPUs has the files and the command of the other, and is shown the machine's GPUs."""
    found = stages(root)
    plain, cuda = lineage(found, "worker"), lineage(found, "worker-cuda")

    assert copied(cuda) == copied(plain)
    assert command(cuda) == command(plain)
    assert variables(cuda).keys() - variables(plain).keys() == {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}


def test_an_image_for_gpus_is_not_built_without_cuda(root: Path, tmp_path: Path) -> None:
    """Where the index gave a torch for CPUs, the build ends with a sentence that says what to do."""
    install = next(rest for word, rest in stages(root)["worker-cuda-dependencies"].instructions if word == "RUN")
    (tmp_path / "torch.py").write_text("__version__ = '2.13.0+cpu'\nversion = type('', (), {'cuda': None})\n")
    check = install.partition(" && ")[2].replace("python", sys.executable, 1)
    run = subprocess.run(check, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S602 - the image's own

    assert run.returncode == 1
    assert "2.13.0+cpu is not for GPUs: name an index in CUDA_INDEX_URL." in run.stderr
