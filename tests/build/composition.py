"""The compose file as an engine would read it."""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from installation import Part

VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def compose(root: Path, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the compose file, its anchors followed; with *given*, variables are put in too.

    Raises:
        KeyError: one that is required was not given.
    """
    text = (root / "deploy/compose.yaml").read_text()
    document: dict[str, Any] = yaml.safe_load(text if given is None else interpolate(text, given))
    return document


def interpolate(text: str, given: Mapping[str, str]) -> str:
    """Return *text* with ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?why}`` replaced, comments apart."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.group("name", "kind", "rest")
        if given.get(name):
            return given[name]
        if kind == "?":
            raise KeyError(f"{name}: {rest}")
        return rest or ""

    return VARIABLE.sub(value, text).replace("$$", "$")


def required(root: Path) -> set[str]:
    """Return the variables without which nothing starts."""
    text = (root / "deploy/compose.yaml").read_text()
    return {found["name"] for found in VARIABLE.finditer(text) if found["kind"] == "?"}


def parts(root: Path, store: Mapping[str, str]) -> dict[str, Part]:
    """Return what the compose file starts, with passwords made up and with the settings of *store*."""
    given = dict.fromkeys((*required(root), "MODELPRESS_METRICS_TOKEN"), "") | dict(store)
    services = compose(root, {name: value or secrets.token_hex(8) for name, value in given.items()})["services"]
    return {
        name: Part(
            service.get("build", {}).get("target"),
            service.get("command") or service.get("entrypoint") or [],
            {key: str(value) for key, value in service.get("environment", {}).items()},
            service.get("healthcheck", {}).get("test", [])[1:],
        )
        for name, service in services.items()
    }
