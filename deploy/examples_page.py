"""Shows the files of ``docs/examples`` in ``docs/pipelines.md``: ``python -m deploy.examples_page [--check]``.

A line ``<!-- file: NAME -->`` and a line ``<!-- /file -->`` say where; what stands between them is the file as it is,
which tests run.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/pipelines.md"
EXAMPLES = ROOT / "docs/examples"
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml"}
_PLACE = re.compile(r"(<!-- file: (?P<name>\S+) -->\n).*?(<!-- /file -->)", re.DOTALL)


def with_files(text: str) -> str:
    """Return the page's *text* with every file in its place.

    Raises:
        SystemExit: a file has no place; who reads the page would not learn of it.
    """
    shown = {found["name"] for found in _PLACE.finditer(text)}
    if hidden := sorted(files() - shown):
        raise SystemExit(f"{PAGE.name} must show every file of docs/examples; {', '.join(hidden)} has no place in it.")
    return _PLACE.sub(lambda found: found[1] + _block(found["name"]) + found[3], text)


def files() -> set[str]:
    """Return the names of all examples."""
    found = (path for path in EXAMPLES.rglob("*") if path.suffix in _LANGUAGES)
    return {path.relative_to(EXAMPLES).as_posix() for path in found}


def _block(name: str) -> str:
    path = EXAMPLES / name
    return f"```{_LANGUAGES[path.suffix]}\n{path.read_text()}```\n"


def main() -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is shown as it was")
    text = PAGE.read_text()
    fresh = with_files(text)
    if not parser.parse_args().check:
        PAGE.write_text(fresh)
        return 0
    if fresh != text:
        print("docs/pipelines.md: an example is stale; run `make generate`.", file=sys.stderr)
    return int(fresh != text)


if __name__ == "__main__":
    sys.exit(main())
