"""What figures must have in common to stand in one table: the machine and the versions that gave them."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

VERSIONS = ("torch", "transformers")


def conditions() -> dict[str, Any]:
    """Return the machine, which computes with one thread, and the versions."""
    return {
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "threads": 1},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONS}},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
