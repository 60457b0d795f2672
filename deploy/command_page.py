"""Writes what the command ``modelpress`` knows, and its page: ``python -m deploy.command_page [--check]``.

``vocabulary.json`` in the client has the techniques of the catalogue and the probes of the contract, so that the
command reads and completes them without asking anybody. ``docs/command.md`` gets the exit codes, the figures of gates
and the options of every command from the command itself, between its marks.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from modelpress.command.exits import MEANINGS
from modelpress.command.figures import FIGURES, SCORE_PREFIX
from modelpress.command.main import app
from typer.main import get_command

from jobs.contract.catalogue import catalogue

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT / "openapi.yaml"
VOCABULARY = ROOT / "clients/python/modelpress/command/vocabulary.json"
PAGE = ROOT / "docs/command.md"
WIDTH = 100  # of the help in the page


def vocabulary() -> str:
    """Return the text of ``vocabulary.json``."""
    document = {
        "generated_by": "python -m deploy.command_page",
        "technique": _techniques(),
        "probe": _probes(),
        "schemas": _schemas(),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _techniques() -> dict[str, Any]:
    return {
        name: {"summary": entry["summary"], "parameters": _untagged(entry["parameters"], "technique")}
        for name, entry in catalogue().items()
    }


def _probes() -> dict[str, Any]:
    schemas = yaml.safe_load(CONTRACT.read_text())["components"]["schemas"]
    union = schemas["CompressionRequest"]["properties"]["evaluate"]["items"]
    found = {name: _whole({"$ref": of}, schemas) for name, of in union["discriminator"]["mapping"].items()}
    return {
        name: {"summary": schema.pop("description"), "parameters": _untagged(schema, "probe")}
        for name, schema in found.items()
    }


def _schemas() -> dict[str, Any]:
    found = yaml.safe_load(CONTRACT.read_text())["components"]["schemas"]
    return {name: _whole(found[name], found) for name in ("OutputFormat", "Runtime", "Target")}


def _untagged(schema: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """Return *schema* without the property that only says which one it is."""
    properties = {name: each for name, each in schema["properties"].items() if name != tag}
    required = [name for name in schema.get("required", ()) if name != tag]
    return {**schema, "properties": properties, "required": required}


def _whole(value: Any, schemas: dict[str, Any]) -> Any:
    """Return the schema *value* with what it refers to in its place."""
    if isinstance(value, list):
        return [_whole(each, schemas) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _whole(each, schemas) for name, each in value.items() if name != "$ref"}
    if "$ref" in value:
        return {**_whole(schemas[value["$ref"].rpartition("/")[2]], schemas), **inner}
    return inner


def page(text: str) -> str:
    """Return the page's *text* with what stands between each pair of marks written anew."""
    for name, write in SECTIONS.items():
        before, begin, rest = text.partition(f"<!-- {name}: written by `make generate` -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not begin or not end:
            raise SystemExit(f"{PAGE} must contain the marks of the section {name!r}.")
        text = before + begin + "\n".join(write()) + "\n" + end + after
    return text


def _exit_codes() -> Iterator[str]:
    yield from ("| code | what it says |", "|---|---|")
    yield from (f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items())


def _figures() -> Iterator[str]:
    yield from ("| figure | what it is |", "|---|---|")
    yield from (f"| `{each.name}` | {each.meaning} |" for each in FIGURES.values())
    yield f"| `{SCORE_PREFIX}LABEL` | the score of the probe of one column of labels, as `{SCORE_PREFIX}speaker` |"


def _commands() -> Iterator[str]:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        context = command.context_class(command, info_name=f"modelpress {name}", terminal_width=WIDTH)
        yield from (f"### {name}", "", "```text", command.get_help(context).strip(), "```", "")


SECTIONS: dict[str, Callable[[], Iterator[str]]] = {
    "exit codes": _exit_codes,
    "figures": _figures,
    "commands": _commands,
}


def main() -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something is stale")
    fresh = {VOCABULARY: vocabulary(), PAGE: page(PAGE.read_text())}
    stale = [path for path, text in fresh.items() if path.read_text() != text]
    if not parser.parse_args().check:
        for path in stale:
            path.write_text(fresh[path])
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is stale; run `make generate`.", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
