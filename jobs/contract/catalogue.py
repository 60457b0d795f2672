"""The techniques on offer, read from the generated ``catalogue.json``."""

import json
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

CATALOGUE_PATH = Path(__file__).with_name("catalogue.json")


class CatalogueEntry(TypedDict):
    """One technique as callers see it.

    ``parameters`` is a JSON Schema object (2020-12) with ``properties`` (each with type, bounds, default and
    description) and, where amounts are alternatives, ``oneOf`` over ``required``.
    """

    name: str
    summary: str
    description: str
    sources: list[str]
    needs_data: str
    parameters: dict[str, Any]


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return every technique by name, in the order of the file."""
    entries: list[CatalogueEntry] = json.loads(CATALOGUE_PATH.read_text())["techniques"]
    return {entry["name"]: entry for entry in entries}
