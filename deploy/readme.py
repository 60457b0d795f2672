"""Writes the README's table of techniques from the catalogue: ``python -m deploy.readme [--check]``."""

import argparse
import sys
from pathlib import Path
from typing import Any

from jobs.contract.catalogue import CatalogueEntry, NeedsData, any_of, catalogue

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- techniques: written by `make generate` -->\n"
END = "<!-- /techniques -->"


def with_table(text: str) -> str:
    """Return the README *text* with the table between its two marks replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{README} must contain the lines {BEGIN.strip()!r} and {END!r}.")
    return before + BEGIN + table() + END + after


def table() -> str:
    """Return one row for each technique."""
    rows = ["| technique | what it does | parameters | data |", "|---|---|---|---|", *map(_row, catalogue().values())]
    return "\n".join(rows) + "\n"


def _row(entry: CatalogueEntry) -> str:
    parameters = ", ".join(f"`{name}`" for name in entry["parameters"]["properties"] if name != "technique")
    return f"| `{entry['name']}` | {entry['summary']} | {parameters} | {_data(entry['needs_data'])} |"


def _data(rule: NeedsData) -> str:
    if "always" in rule:
        return "needed" if rule["always"] else "not needed"
    word, named = ("with", rule["when"]) if "when" in rule else ("unless", rule["unless"])
    return f"needed {word} " + " and ".join(_values(name, any_of(said)) for name, said in named.items())


def _values(name: str, values: list[Any]) -> str:
    return f"no `{name}`" if values == [None] else f"`{name}: " + "` or `".join(map(str, values)) + "`"


def main() -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    text = README.read_text()
    fresh = with_table(text)
    if not parser.parse_args().check:
        README.write_text(fresh)
        return 0
    if fresh != text:
        print("README.md: the table of techniques is stale; run `make generate`.", file=sys.stderr)
    return int(fresh != text)


if __name__ == "__main__":
    sys.exit(main())
