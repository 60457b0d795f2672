"""Writes ``docs/settings.md`` from the settings' own words: ``python -m deploy.settings_page [--check]``."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from jobs.adapters.settings import SourceSettings
from jobs.settings import CourierSettings, WorkerSettings
from jobs.state.settings import Settings, StateSettings, environment_name
from jobs.telemetry.settings import TelemetrySettings
from service.settings import ServiceSettings

PAGE = Path(__file__).resolve().parents[1] / "docs/settings.md"
INTRODUCTION = """\
<!-- Written by `make generate`. -->
# Settings

Read from the environment once, at the start; a missing or bad one stops the process with a sentence that names it.
A number's unit is in brackets, and several values are separated by commas.
"""
SECTIONS: dict[str, type[Settings]] = {
    "Where the state lives: service, workers, janitor and courier": StateSettings,
    "The HTTP side": ServiceSettings,
    "What operators are told: every process": TelemetrySettings,
    "Workers and janitor": WorkerSettings,
    "The courier of webhooks": CourierSettings,
    "Where workers read models and data from": SourceSettings,
}


def page() -> str:
    """Return the whole page."""
    return INTRODUCTION + "".join(f"\n## {title}\n\n" + "\n".join(_table(kind)) for title, kind in SECTIONS.items())


def _table(kind: type[Any]) -> Iterator[str]:
    yield "| variable | default | what it decides |"
    yield "|---|---|---|"
    for each in fields(kind):
        unit = f" [{each.metadata['unit']}]" if each.metadata["unit"] else ""
        yield f"| `{environment_name(each.name)}` | {_default(each.default)} | {each.metadata['help']}{unit} |"
    yield ""


def _default(value: Any) -> str:
    if value is MISSING:
        return "required"
    if value == tempfile.gettempdir():
        return "the system's"
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else "empty"


def main() -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is stale")
    if not parser.parse_args().check:
        PAGE.write_text(page())
        return 0
    stale = not PAGE.exists() or PAGE.read_text() != page()
    if stale:
        print("docs/settings.md is stale; run `make generate`.", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
