"""Asks whether any version that we pin is known to be vulnerable: ``python -m deploy.audit``.

pip-audit looks the pinned versions up in PyPI's advisories. A machine behind a mirror that has none learns nothing; it
is told so, and nothing fails: what cannot be asked is not an answer.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED: Mapping[str, str] = {}
"""Advisories that we live with: id to the reason."""


def main() -> int:
    """Print what was found and return 1 if there is something to do."""
    command = (sys.executable, "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip")
    ignored = [word for each in ACCEPTED for word in ("--ignore-vuln", each)]
    run = subprocess.run(
        (*command, "--format", "json", *ignored), cwd=ROOT, capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"No advisories could be asked for:\n{run.stderr.strip()[-500:]}")
        return 0
    print("\n".join(report(found)))
    return int(any(vulnerable(found)))


def report(found: list[dict[str, Any]]) -> list[str]:
    """Return what is to be said of what pip-audit *found*."""
    audited = [each for each in found if "skip_reason" not in each]
    lines = [
        f"{name} {version}: {advisory['id']}, fixed in {', '.join(advisory['fix_versions']) or 'no version yet'}"
        for name, version, advisory in vulnerable(found)
    ]
    if not audited:
        return [f"None of {len(found)} pinned versions could be looked up: this package index has no advisories."]
    return [*lines, f"{len(audited)} of {len(found)} pinned versions looked up, {len(lines)} advisories."]


def vulnerable(found: list[dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return name, version and advisory of each vulnerability."""
    return [(each["name"], each["version"], one) for each in found for one in each.get("vulns", ())]


if __name__ == "__main__":
    sys.exit(main())
