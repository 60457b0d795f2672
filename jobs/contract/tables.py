"""The README's table of techniques, rewritten from the catalogue: ``python -m jobs.contract.tables [--check]``."""

import sys
from pathlib import Path

from jobs.contract.catalogue import CatalogueEntry, catalogue

README_PATH = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- techniques: written by `make generate` -->"
END = "<!-- /techniques -->"


def technique_table() -> str:
    """Return the Markdown table of every technique in the catalogue."""
    rows = ["| technique | what it does | amount | source |", "|---|---|---|---|"]
    return "\n".join(rows + [_row(entry) for entry in catalogue().values()])


def with_table(text: str) -> str:
    """Return *text* with the table between its markers replaced by today's.

    Raises:
        ValueError: the markers are missing.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"Expected the markers {BEGIN} and {END} in the README; put them around the table.")
    return f"{head}{BEGIN}\n{technique_table()}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Rewrite the README's table; with ``--check`` only say whether it is up to date (exit 1 when it is not)."""
    before = README_PATH.read_text()
    after = with_table(before)
    if "--check" not in arguments:
        README_PATH.write_text(after)
        return 0
    if before != after:
        sys.stderr.write("README.md: the table of techniques is out of date; run `make generate`.\n")
    return int(before != after)


def _row(entry: CatalogueEntry) -> str:
    amounts = {name for branch in entry["parameters"].get("oneOf", ()) for name in branch["required"]}
    names = sorted(amounts) or entry["parameters"].get("required", []) or ["sparsity"]
    shown = ", ".join(f"`{name}`" for name in names)
    return f"| `{entry['name']}` | {entry['summary']} | {shown} | {'; '.join(entry['sources'])} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
