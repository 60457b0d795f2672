"""Write ``jobs/contract/catalogue.json`` from the registry: ``python -m jobs.compression.catalogue [--check]``.

The service validates and publishes parameters without importing torch; this file is how it learns them. A technique's
words come from its module docstring: the first line, the paragraphs after it, and those that begin with ``Source:``.
"""

import argparse
import inspect
import json
import sys

from jobs.compression.schema import json_schema
from jobs.compression.technique import Technique, registry
from jobs.contract.catalogue import CATALOGUE_PATH, CatalogueEntry

GENERATED_BY = "python -m jobs.compression.catalogue"
_PRIVATE = ("Differs:", "Cost:")


def entry(technique: Technique) -> CatalogueEntry:
    """Return *technique* as callers see it."""
    summary, *paragraphs = _paragraphs(technique)
    sources = [text.removeprefix("Source:") for text in paragraphs if text.startswith("Source:")]
    description = [text for text in paragraphs if not text.startswith(("Source:", *_PRIVATE))]
    return {
        "name": technique.name,
        "summary": summary,
        "description": "\n\n".join(description),
        "sources": [each.strip().removesuffix(".") for text in sources for each in text.split(";")],
        "needs_data": technique.needs_data,
        "parameters": json_schema(technique.params),
    }


def render() -> str:
    """Return the text of the catalogue file."""
    entries = [entry(technique) for technique in registry().values()]
    return json.dumps({"generated_by": GENERATED_BY, "techniques": entries}, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or with ``--check`` only compare it; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if the file is not what the code says")
    text = render()
    if not parser.parse_args().check:
        CATALOGUE_PATH.write_text(text)
        return 0
    if CATALOGUE_PATH.exists() and CATALOGUE_PATH.read_text() == text:
        return 0
    sys.stderr.write(f"{CATALOGUE_PATH.name} is not what the techniques say. Run: {GENERATED_BY}\n")
    return 1


def _paragraphs(technique: Technique) -> list[str]:
    text = inspect.getdoc(sys.modules[technique.compress.__module__]) or ""
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


if __name__ == "__main__":
    sys.exit(main())
