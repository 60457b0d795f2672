"""Disk space for one worker: a folder of its own, emptied after each job and found again when the worker died."""

import os
import shutil
import socket
from pathlib import Path

_PREFIX = "modelpress"


def scratch_folder(temp_dir: Path, worker: str) -> Path:
    """Return the folder of *worker*, a name from ``unique_worker_name``."""
    return temp_dir / f"{_PREFIX}-{worker}"


def unique_worker_name(suffix: str) -> str:
    """Return a name that tells machine and process: ``host-pid-suffix``."""
    return f"{socket.gethostname()}-{os.getpid()}-{suffix}"


def empty(folder: Path) -> None:
    """Remove the folder and all in it; what cannot be removed stays for the next time."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep(temp_dir: Path) -> None:
    """Remove what workers of this machine left behind that no longer live."""
    for folder in temp_dir.glob(f"{_PREFIX}-{socket.gethostname()}-*-*"):
        process = folder.name.removeprefix(f"{_PREFIX}-{socket.gethostname()}-").partition("-")[0]
        if process.isdecimal() and not _alive(int(process)):
            empty(folder)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
