"""Copy the reload code into the client: ``python -m jobs.checkpoint.copies [--check]``."""

import sys
from pathlib import Path

from jobs.checkpoint.restore import code_files

CLIENT = Path(__file__).parents[2] / "clients/python/modelpress"


def main(arguments: list[str]) -> int:
    """Rewrite the client's copies; with ``--check`` only say whether they are up to date (exit 1 when they are not)."""
    stale = {name: code for name, code in code_files().items() if not _same(CLIENT / name, code)}
    if "--check" not in arguments:
        for name, code in stale.items():
            (CLIENT / name).write_bytes(code.read_bytes())
        return 0
    for name, code in stale.items():
        sys.stderr.write(f"{name} is not {code.name} of {code.parent}, byte for byte; run `make generate`.\n")
    return int(bool(stale))


def _same(copy: Path, code: Path) -> bool:
    return copy.exists() and copy.read_bytes() == code.read_bytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
