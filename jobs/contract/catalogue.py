"""The techniques on offer, read from the generated ``catalogue.json``."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

CATALOGUE_PATH = Path(__file__).with_name("catalogue.json")


class NeedsData(TypedDict, total=False):
    """Whether a technique learns from data: exactly one key is set.

    ``always`` answers for every request; ``when`` and ``unless`` name the values of parameters on which it depends
    (``{"when": {"weighting": "activation"}}``, ``{"unless": {"steps": 0}}``); a list names several values, any of which
    is meant, and null that a parameter is not given.
    """

    always: bool
    when: dict[str, Any]
    unless: dict[str, Any]


class CatalogueEntry(TypedDict):
    """One technique as callers see it.

    ``parameters`` is a JSON Schema object (2020-12) with ``properties`` (each with type, bounds, default and
    description), where amounts are alternatives ``oneOf`` over ``required``, and where not all values go together
    ``allOf`` over ``if`` and ``then``, which `jobs.contract.rules` reads.
    """

    name: str
    summary: str
    description: str
    sources: list[str]
    needs_data: NeedsData
    parameters: dict[str, Any]


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return every technique by name, in the order of the file."""
    entries: list[CatalogueEntry] = json.loads(CATALOGUE_PATH.read_text())["techniques"]
    return {entry["name"]: entry for entry in entries}


def data_required(entry: CatalogueEntry, params: Mapping[str, Any]) -> bool:
    """Return whether a step of *entry* with *params* (defaults left out) cannot do without data."""
    rule = entry["needs_data"]
    if "always" in rule:
        return rule["always"]
    named = rule.get("when") or rule["unless"]
    properties = entry["parameters"]["properties"]
    agrees = all(params.get(name, properties[name].get("default")) in any_of(said) for name, said in named.items())
    return agrees if "when" in rule else not agrees


def any_of(said: Any) -> list[Any]:
    """Return the values that a rule means by *said*: those of a list, or it alone."""
    return said if isinstance(said, list) else [said]
