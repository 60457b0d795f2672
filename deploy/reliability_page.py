"""Writes the table of ``docs/reliability.md`` from what the fault suite says of itself.

``python -m deploy.reliability_page [--check]``. Each test there begins its docstring with the fault, a colon, and what
is seen afterwards: one row. A fault that no test shows has no row, and a row cannot say more than its test.
"""

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reliability.md"
SUITE = ROOT / "tests/faults"
BEGIN = "<!-- faults: written by `make generate` from tests/faults -->\n"
END = "<!-- /faults -->"


def with_table(text: str) -> str:
    """Return the page's *text* with the table between its two marks replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE} must contain the lines {BEGIN.strip()!r} and {END!r}.")
    return before + BEGIN + table() + END + after


def table() -> str:
    """Return one row for each test of the suite."""
    return "\n".join(("| fault | what is seen afterwards | shown by |", "|---|---|---|", *_rows())) + "\n"


def _rows() -> Iterator[str]:
    for path in sorted(SUITE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield _row(path, node)


def _row(path: Path, test: ast.FunctionDef) -> str:
    paragraph = " ".join((ast.get_docstring(test) or "").partition("\n\n")[0].split())
    fault, colon, seen = paragraph.partition(": ")
    if not colon:
        raise SystemExit(f"{path}: {test.name} must begin 'fault: what is seen afterwards'; it says {paragraph!r}.")
    seen = seen[0].upper() + seen[1:]
    return f"| {fault} | {seen} | [`{test.name}`](../tests/faults/{path.name}) |"


def main() -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
    text = PAGE.read_text()
    fresh = with_table(text)
    if not parser.parse_args().check:
        PAGE.write_text(fresh)
        return 0
    if fresh != text:
        print("docs/reliability.md: the table of faults is stale; run `make generate`.", file=sys.stderr)
    return int(fresh != text)


if __name__ == "__main__":
    sys.exit(main())
