"""What the Dockerfile says, read without an engine."""

import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path


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
        if word == "COPY" and not rest.startswith("--"):
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


def variables(instructions: list[tuple[str, str]]) -> dict[str, str]:
    """Return the environment that the image gives to its processes."""
    words = [word for kind, rest in instructions if kind == "ENV" for word in shlex.split(rest)]
    return {name: value for name, _, value in (word.partition("=") for word in words) if value}


def arguments(found: dict[str, Stage], name: str) -> set[str]:
    """Return what may be said for a build of the image *name*, of the stages that it copies from too."""
    own = lineage(found, name)
    sources = [rest.split()[0].removeprefix("--from=") for _, rest in own if rest.startswith("--from=")]
    asked = {rest.partition("=")[0] for word, rest in own if word == "ARG"}
    return asked.union(*(arguments(found, each) for each in sources))


def command(instructions: list[tuple[str, str]]) -> list[str]:
    """Return what the image runs unless it is told otherwise."""
    found: list[str] = json.loads(dict(instructions)["CMD"])
    return found


def health_check(instructions: list[tuple[str, str]]) -> list[str]:
    """Return how the image is asked whether it is well."""
    found: list[str] = json.loads(dict(instructions)["HEALTHCHECK"].partition(" CMD ")[2])
    return found
