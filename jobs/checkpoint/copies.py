"""Copy the reload code into the client: ``python -m jobs.checkpoint.copies [--check]``."""

import sys
from pathlib import Path

from jobs.checkpoint.restore import CODE_FILE

SOURCE = Path(__file__).with_name("restore.py")
COPY = Path(__file__).parents[2] / "clients/python/modelpress" / CODE_FILE


def main(arguments: list[str]) -> int:
    """Rewrite the client's copy; with ``--check`` only say whether it is up to date (exit 1 when it is not)."""
    same = COPY.exists() and COPY.read_bytes() == SOURCE.read_bytes()
    if "--check" not in arguments:
        COPY.write_bytes(SOURCE.read_bytes())
        return 0
    if not same:
        sys.stderr.write(f"{COPY.name} is not {SOURCE.name}, byte for byte; run `make generate`.\n")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
