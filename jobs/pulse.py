"""Signs of life: a file that a process touches as it goes round; ``python -m jobs.pulse KIND`` says whether it does.

Health checks ask for it, so they say nothing of Redis or the store: nobody is to be restarted because others are away.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

SILENT_S = 600.0
"""How long a process may hang on a store that does not answer before it is taken for dead [s]."""


def beat(kind: str) -> None:
    """Note that the process, a worker, janitor or courier, goes on; where nothing can be noted, nothing is."""
    with suppress(OSError):
        _file(kind).touch()


def silent_s(kind: str) -> float | None:
    """Return for how long nothing was heard of processes of this kind [s]; None where nothing ever was."""
    try:
        return time.time() - _file(kind).stat().st_mtime
    except FileNotFoundError:
        return None


def _file(kind: str) -> Path:
    return Path(tempfile.gettempdir()) / f"modelpress-{kind}.pulse"


def main(kind: str) -> int:
    """Say when something was last heard of the process; return 1 where that is too long ago."""
    silent = silent_s(kind)
    if silent is None:
        sys.stdout.write(f"Nothing was heard of a {kind} yet.\n")
        return 1
    sys.stdout.write(f"The {kind} was heard of {silent:.0f} s ago.\n")
    return int(silent > SILENT_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
