"""A real worker that computes nothing and is made unfortunate by its environment.

Its pipeline is the fake one of the worker tests; torch, which nobody asks anything then, is left out, so that a worker
starts within a second. ``RIG_TRIES``: how often it asks the store (with 1, one failed call is a failed step);
``RIG_CLOCK_S``: by how much its machine's clock is ahead; ``RIG_MEMORY_BYTES`` and ``RIG_FILE_BYTES``: what its
children may use.
"""

import os
import resource
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "integration/worker"))

from jobs.state import patience, records

NUMERIC = (
    *("torch", "transformers", "jobs.planning", "jobs.measuring", "jobs.comparing", "jobs.resuming"),
    "jobs.compression.calibration",
)


class Absent(ModuleType):
    """Stands in for a module of which nothing is needed but its names."""

    def __getattr__(self, name: str) -> Any:
        """Return something that does nothing."""
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_args, **_options: None


for name in NUMERIC:
    sys.modules[name] = Absent(name)
for name, has in {
    "jobs.streamed": {"StreamedJob": SimpleNamespace(load=lambda *_args, **_options: None)},
    "jobs.reporting": {"PACKAGES": (), "environment": dict},
}.items():
    sys.modules[name] = Absent(name)
    vars(sys.modules[name]).update(has)

_now, _ahead = records.utc_now, timedelta(seconds=float(os.environ.get("RIG_CLOCK_S", "0")))
records.utc_now = lambda: _now() + _ahead
if "RIG_TRIES" in os.environ:
    patience.WORKING = patience.Patience(connect_s=3, read_s=3, tries=int(os.environ["RIG_TRIES"]), redis_s=3)

import worker_program  # noqa: E402 - it reads what was set above when it is imported

from jobs.worker import SafeWorker  # noqa: E402

_LIMITS = {"RIG_MEMORY_BYTES": resource.RLIMIT_AS, "RIG_FILE_BYTES": resource.RLIMIT_FSIZE}
_be_the_child = SafeWorker.main_work_horse


def _be_limited(self: SafeWorker, *args: Any) -> None:
    for variable, kind in _LIMITS.items():
        if variable in os.environ:
            resource.setrlimit(kind, (int(os.environ[variable]),) * 2)
    _be_the_child(self, *args)


SafeWorker.main_work_horse = _be_limited  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(worker_program.main())
