"""The Dockerfile and the compose file, as far as they can be tried without containers."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.state.settings import PREFIX, StateSettings
from service.settings import ServiceSettings

TARGETS = ("service", "worker")


@dataclass
class Stage:
    """One stage of the Dockerfile: its parent and its instructions in order."""

    parent: str
    instructions: list[tuple[str, str]] = field(default_factory=list)


def stages(root: Path) -> dict[str, Stage]:
    """Return the stages by name."""
    text = re.sub(r"(?m)^#.*\n", "", (root / "Dockerfile").read_text()).replace("\\\n", " ")
    found: dict[str, Stage] = {}
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            parent, _, name = rest.partition(" AS ")
            found[name] = Stage(parent)
        else:
            found[name].instructions.append((word, rest.strip()))
    return found


def lineage(found: dict[str, Stage], name: str) -> list[tuple[str, str]]:
    """Return all instructions that make the image *name*, oldest first."""
    stage = found[name]
    return (lineage(found, stage.parent) if stage.parent in found else []) + stage.instructions


def copied(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return ``(source, target)`` of everything that comes from the repository."""
    pairs = []
    for word, rest in instructions:
        if word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            pairs += [(source, target) for source in sources]
    return pairs


def lay_out(root: Path, into: Path, instructions: list[tuple[str, str]]) -> None:
    """Copy to *into* what the image gets from the repository."""
    for source, target in copied(instructions):
        place = into / target / (Path(source).name if target.endswith("/") else "")
        place.parent.mkdir(parents=True, exist_ok=True)
        if (root / source).is_dir():
            shutil.copytree(root / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / source, place)


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
    assert json.loads(instructions["CMD"])


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
    for command in installs:
        subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=True)  # noqa: S602 - the image's own
    lay_out(root, tmp_path, found["service"].instructions)
    python = tmp_path / "venv/bin/python"

    assert (
        subprocess.run([python, "-c", "import service.app"], cwd=tmp_path, env=environment, check=False).returncode == 0
    )
    assert subprocess.run([python, "-c", "import torch"], env=environment, check=False, stderr=-1).returncode == 1


def compose(root: Path) -> dict[str, Any]:
    """Return the compose file."""
    document: dict[str, Any] = yaml.safe_load((root / "deploy/compose.yaml").read_text())
    return document


def test_compose_builds_what_the_dockerfile_has(root: Path) -> None:
    """Each service is built from a target of the Dockerfile, or is an image with a version."""
    for service in compose(root)["services"].values():
        assert (
            service["build"]["target"] in TARGETS if "build" in service else re.search(r":\d+\.\d+", service["image"])
        )


def test_compose_gives_every_setting_that_is_needed(root: Path) -> None:
    """The settings start from what compose gives, and it gives none that does not exist."""
    given = compose(root)["services"]["service"]["environment"]
    names = (*StateSettings.__dataclass_fields__, *ServiceSettings.__dataclass_fields__)
    known = {PREFIX + name.upper() for name in names}

    assert given.keys() <= known
    assert StateSettings.from_env(dict.fromkeys(given, "redis://:secret@value"))


def test_compose_keeps_redis_on_disk(root: Path) -> None:
    """Redis appends every write to a file in a volume."""
    redis = compose(root)["services"]["redis"]

    assert "--appendonly yes" in redis["command"][-1]
    assert redis["volumes"] == ["redis:/data"]
