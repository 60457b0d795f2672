"""The collector as operators run it."""

import os
import subprocess
import sys
from pathlib import Path

from bench import ROOT, Bench
from waiting import wait

from jobs.contract.spec import canonical_json

ORPHAN = "tenants/acme/calibrations/old/record.json"


def start(bench: Bench, output: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a collector that writes to *output*."""
    environment = {**os.environ, **bench.environment, "PYTHONPATH": str(ROOT)}
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "jobs.collector", *options], cwd=ROOT, env=environment, stdout=file
        )


def test_goes_round_until_it_is_told_to_stop(bench: Bench) -> None:
    """With ``--every`` it says after each round what it found, without changing it, and ends well."""
    bench.state.store.put(ORPHAN, canonical_json({}))
    output = bench.folder / "collected"
    collector = start(bench, output, "--every", "0.1")
    wait(lambda: output.read_text().count("Nothing was changed") > 1)
    collector.terminate()

    assert collector.wait() == 0
    assert "old calibrations: 0 objects, 0 bytes" in output.read_text()
    assert bench.state.store.head(ORPHAN) is not None
