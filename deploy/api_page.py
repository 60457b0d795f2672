"""Writes ``docs/api.md`` from ``openapi.yaml``: ``python -m deploy.api_page [--check]``."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/api.md"
HEAD = """\
<!-- written by `make generate` from openapi.yaml -->
# The HTTP API

Every operation and every schema of the contract, `openapi.yaml`, which tests hold the service to.
A key goes into the header `Authorization: Bearer KEY`.
Every error is a problem (RFC 9457) with a `code` of [errors.md](errors.md).
Swagger UI is at `/docs` of every running service.
"""
Json = dict[str, Any]


def page(contract: Json) -> str:
    """Return the page of *contract*."""
    operations = [
        (method.upper(), path, said)
        for path, item in contract["paths"].items()
        for method, said in item.items()
        if method != "parameters"
    ]
    about = {tag["name"]: tag.get("description", "") for tag in contract.get("tags", ())}
    lines = [HEAD]
    for tag in dict.fromkeys(said["tags"][0] for _, _, said in operations):
        lines += [f"## {tag.capitalize()}", "", *([f"{about[tag]}.", ""] if about.get(tag) else [])]
        for method, path, said in operations:
            if said["tags"][0] == tag:
                lines += [*_operation(method, path, said, contract["paths"][path].get("parameters", []), contract)]
    lines += ["## Schemas", ""]
    for name, schema in contract["components"]["schemas"].items():
        lines += [*_schema(name, schema)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _operation(method: str, path: str, said: Json, shared: list[Json], contract: Json) -> Iterator[str]:
    yield from (f"### {said['operationId']}", "", f"`{method} {path}`", "", said.get("summary", ""), "")
    if said.get("description"):
        yield from (said["description"].strip(), "")
    parameters = [_resolved(each, contract) for each in (*shared, *said.get("parameters", ()))]
    if parameters:
        yield from ("| parameter | in | type | about |", "|---|---|---|---|", *map(_parameter, parameters), "")
    if "requestBody" in said:
        yield from (f"Body: {_body(said['requestBody'])}", "")
    yield from ("| answer | means | body |", "|---|---|---|")
    for status, reference in said["responses"].items():
        answer = _resolved(reference, contract)
        yield f"| {status} | {_cell(answer.get('description'))} | {_body(answer)} |"
    yield ""


def _parameter(said: Json) -> str:
    optional = "" if said.get("required") else " (optional)"
    return f"| `{said['name']}`{optional} | {said['in']} | {_kind(said['schema'])} | {_cell(said.get('description'))} |"


def _body(said: Json) -> str:
    """Return what a request or an answer carries."""
    kinds = (_kind(content["schema"]) for content in said.get("content", {}).values() if content.get("schema"))
    return " or ".join(dict.fromkeys(kinds))


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield from (f"### {name}", "")
    if schema.get("description"):
        yield from (schema["description"].strip(), "")
    if schema.get("properties"):
        needed = set(schema.get("required", ()))
        yield from ("| field | type | about |", "|---|---|---|")
        for field, said in schema["properties"].items():
            optional = "" if field in needed else " (optional)"
            yield f"| `{field}`{optional} | {_kind(said)} | {_cell(said.get('description'))} |"
        yield ""
    else:
        yield from (_kind(schema), "")


def _kind(schema: Json) -> str:
    """Return what a value is, in a few words, with links to the schemas that it is made of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(each) for each in schema[word]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    kinds = schema.get("type", "any")
    named = " or ".join(kinds) if isinstance(kinds, list) else kinds
    return f"{named} of {_kind(schema['items'])}" if schema.get("items") else str(named)


def _resolved(said: Json, contract: Json) -> Json:
    while "$ref" in said:
        found: Any = contract
        for step in said["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        said = found
    return said


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")
    fresh = page(yaml.safe_load((ROOT / "openapi.yaml").read_text()))
    if not parser.parse_args().check:
        PAGE.write_text(fresh)
        return 0
    stale = not PAGE.exists() or PAGE.read_text() != fresh
    if stale:
        print("docs/api.md is stale; run `make generate`.", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
