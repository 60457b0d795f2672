"""The page of error codes, for people: ``python -m service.error_pages [--check]`` writes ``docs/errors.md``."""

import sys
from html import escape
from inspect import getdoc
from pathlib import Path

from jobs.contract.errors import InternalError, ModelPressError, every_error
from service.errors import HttpError
from service.generated import keep_current

PATH = Path(__file__).parents[1] / "docs" / "errors.md"
COMMAND = "python -m service.error_pages"
_ABSTRACT = (ModelPressError, HttpError)
_INTRODUCTION = """\
Every HTTP error is a problem document (RFC 9457, `application/problem+json`), and a failed job says the same in its
`error`. Both carry a `code` from this table; a code never changes its meaning. The status is that of an HTTP answer.

`retryable` says whether the very same request may succeed later; an HTTP answer then has `Retry-After`.
`errors` points at each wrong field: `pointer` (RFC 6901) into the body, or `parameter` of the query.
"""
_HEADINGS = ("code", "status", "retryable", "meaning")


def codes() -> dict[str, type[ModelPressError]]:
    """Return the error behind each code, sorted by code."""
    found = {error.code: error for error in reversed(every_error()) if error not in _ABSTRACT}
    return dict(sorted({**found, InternalError.code: InternalError}.items()))


def meaning_of(code: str) -> str:
    """Return what an error's *code* means, as the page of codes says it."""
    error = codes().get(code, InternalError)
    return " ".join((getdoc(error) or "").split()).replace("``", "`")


def as_markdown() -> str:
    """Return the page as Markdown."""
    rows = [" | ".join((f'<a id="{code}"></a>`{code}`', *_cells(error))) for code, error in codes().items()]
    table = [" | ".join(_HEADINGS), " | ".join("---" for _ in _HEADINGS), *rows]
    head = f"<!-- Written by `{COMMAND}`. -->\n# Error codes\n\n{_INTRODUCTION}\n"
    return head + "".join(f"| {row} |\n" for row in table)


def as_html() -> str:
    """Return the page as HTML, with the code as anchor of each row."""
    heading = "".join(f"<th>{each}</th>" for each in _HEADINGS)
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td>' + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(error))
        for code, error in codes().items()
    )
    text = "".join(f"<p>{escape(each)}</p>" for each in _INTRODUCTION.split("\n\n"))
    title = "<!doctype html><html lang=en><meta charset=utf-8><title>ModelPress error codes</title><h1>Error codes</h1>"
    return f"{title}{text}<table>{heading}{rows}</table></html>"


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with ``--check`` only compare it; return the exit status."""
    return keep_current(PATH, as_markdown(), COMMAND, arguments)


def _cells(error: type[ModelPressError]) -> tuple[str, str, str]:
    return str(error.status), "yes" if error.retryable else "no", meaning_of(error.code)


if __name__ == "__main__":
    sys.exit(main())
