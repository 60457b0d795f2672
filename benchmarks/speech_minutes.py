"""Compress a speech model of base size by every technique that trains nothing, and measure how many minutes that takes.

    python -m benchmarks.speech_minutes [--only NAME ...]

The model is HuBERT base with random weights, the data 64 made-up recordings of 5 seconds: what is computed depends on
sizes alone. Each request runs in a fresh process with one thread. Its seconds are from the dense model to the small
one, and of the processor also by what was computed: what is no part of those is mostly passes through the model. Memory
is the peak that the kernel counts, beside that of the model and the data alone. The bound: five minutes of wall-clock,
on a machine that does nothing else.
"""

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import torch
import transformers
from transformers import HubertConfig, HubertModel, PreTrainedModel

from jobs.batches import ListBatches
from jobs.compression import calibration, factoring, flows, levels, obs, sparsegpt
from jobs.compression.anatomy import anatomy_of
from jobs.compression.regression import Regression
from jobs.compression.target import reach
from jobs.compression.technique import Context, apply
from jobs.contract.spec import InputSpec, Step, Target
from jobs.inputs import synthetic_batch

RESULTS = Path(__file__).parent / "results" / "speech_minutes.json"
RECORDINGS, SECONDS, BATCH_SIZE = 64, 5.0, 8
BOUND_S = 300
SCORES = ("l1", "taylor", "fisher", "obs")

CASES: Mapping[str, Step | Target] = {
    **{f"heads, {score}": Step("head_pruning", {"heads_removed": 0.5, "score": score}) for score in SCORES},
    **{f"units, {score}": Step("ffn_pruning", {"units_removed": 0.5, "score": score}) for score in SCORES},
    **{f"weights, {each}": Step("weight_pruning", {"criterion": each}) for each in ("magnitude", "wanda", "sparsegpt")},
    "low rank": Step("low_rank", {"rank_ratio": 0.5, "weighting": "activation", "allocation": "error"}),
    "target in parameters": Target("params", ratio=0.5, scope="encoder"),
    "target in MACs": Target("macs", ratio=0.5, scope="encoder"),
}

STAGES: Mapping[str, tuple[Callable[..., Any], ...]] = {
    "gradients": (torch.autograd.grad,),
    "second moments": (flows._Tally.count, calibration._Tally.add),  # noqa: SLF001 - where time goes, whoever calls it
    "sweeps": (obs.sweep,),
    "spectra": (factoring.spectrum, factoring.factors, levels._tails),  # noqa: SLF001
    "sums of fits": (Regression.add,),
    "fits": (Regression.solve,),
    "sparsegpt": (sparsegpt.prune,),
}
"""What is computed, none of it within another."""


def measure(name: str) -> dict[str, Any]:
    """Return what the request took in this process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = HubertModel(HubertConfig()).eval()
    ctx = context(model)
    before, profile = peak_bytes(), cProfile.Profile(time.process_time)
    wall, cpu = time.perf_counter(), time.process_time()
    profile.runcall(compress, CASES[name], model, ctx)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "load": round(os.getloadavg()[0], 1),
        "stages_cpu_s": stages(profile, cpu),
        "peak_bytes": peak_bytes(),
        "before_bytes": before,
    }


def context(model: PreTrainedModel) -> Context:
    """Return what a technique is given in a job."""
    spec = InputSpec("audio", batch_size=BATCH_SIZE, seconds=SECONDS)
    batches = [synthetic_batch("audio", model.config, spec, seed=each) for each in range(RECORDINGS // BATCH_SIZE)]
    probe = synthetic_batch("audio", model.config, InputSpec("audio", seconds=1.0))
    chance = torch.Generator().manual_seed(0)
    return Context(anatomy_of(model), ListBatches(batches), chance, lambda done, total, note="": None, probe)


def compress(asked: Step | Target, model: PreTrainedModel, ctx: Context) -> None:
    """Do what is asked."""
    if isinstance(asked, Step):
        apply(asked, model, ctx)
    else:
        reach(asked, model, ctx)


def stages(profile: cProfile.Profile, whole: float) -> dict[str, float]:
    """Return the seconds of each stage that took any, and what is left of the *whole*."""
    spent = {key: cumulative for key, (_, _, _, cumulative, _) in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]
    found = {name: sum(spent.get(place_of(each), 0.0) for each in functions) for name, functions in STAGES.items()}
    found["passes and the rest"] = whole - sum(found.values())
    return {name: round(seconds, 1) for name, seconds in found.items() if round(seconds, 1)}


def place_of(function: Callable[..., Any]) -> tuple[str, int, str]:
    """Return what the profiler calls a function."""
    code = cast("FunctionType", function).__code__
    return code.co_filename, code.co_firstlineno, code.co_name


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def processor() -> str:
    """Return what the kernel calls it."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "unknown")


def main() -> None:
    """Run every request in a process of its own, print the table, and keep it with what gave it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=list(CASES), nargs="+", default=list(CASES))
    parser.add_argument("--measure", choices=list(CASES))
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure)))
        return
    known = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else {}
    for name in asked.only:
        command = [sys.executable, "-m", "benchmarks.speech_minutes", "--measure", name]
        line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        known[name] = json.loads(line)
        print(table_row(name, known[name]), flush=True)
        conditions = {
            "model": "HuBERT base",
            "data": {"recordings": RECORDINGS, "seconds": SECONDS, "batch_size": BATCH_SIZE},
            "machine": {"processor": processor(), "cores": os.cpu_count(), "threads": 1},
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            "bound_s": BOUND_S,
            "note": "The load is what the kernel counts at the end: above the number of cores, seconds are too many.",
        }
        rows = {name: known[name] for name in CASES if name in known}
        RESULTS.write_text(json.dumps({**conditions, "rows": rows}, indent=2) + "\n")


def table_row(name: str, found: Mapping[str, Any]) -> str:
    """Return one line of the table."""
    parts = ", ".join(f"{stage} {seconds}" for stage, seconds in found["stages_cpu_s"].items())
    more = (found["peak_bytes"] - found["before_bytes"]) / 1e9
    return f"{name:22} wall {found['wall_s']:6} s  cpu {found['cpu_s']:6} s  memory +{more:4.1f} GB  ({parts})"


if __name__ == "__main__":
    main()
