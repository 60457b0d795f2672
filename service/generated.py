"""Files that are written from the code: a command writes one, and with ``--check`` only compares it."""

import argparse
import sys
from pathlib import Path


def keep_current(path: Path, text: str, command: str, arguments: list[str] | None = None) -> int:
    """Write *text* to *path*, or as the *arguments* of *command* say only compare it; return the exit status."""
    parser = argparse.ArgumentParser(prog=command)
    parser.add_argument("--check", action="store_true", help="fail if the file is not what the code says")
    if not parser.parse_args(arguments).check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return 0
    if path.exists() and path.read_text() == text:
        return 0
    sys.stderr.write(f"{path.name} is not what the code says. Run: {command}\n")
    return 1
