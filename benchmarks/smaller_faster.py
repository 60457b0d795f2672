"""Is smaller faster: what each technique's cut in MACs comes to on the clock, under each runtime.

    python -m benchmarks.smaller_faster [--model NAME ...] [--runtime NAME ...] [--batch N ...] [--threads N ...]

Models have random weights, since time depends on sizes alone: HuBERT base on 1 s of audio, and BERT of MiniLM's size on
128 tokens. Ideal is the dense model's MACs over the compressed one's; realised the median of the ratios of their times,
of passes that take turns in one run, all variants of a model in each round, after a warm-up and on pinned threads.
One thread is timed by the clock of the processor, which neighbours on the machine disturb least, two by that on the
wall. The quotient of realised and ideal is the share that is realised. ``parts`` says where the time of a pass goes in
plain PyTorch, by module.
What is asked for anew replaces its rows in the file, and leaves the others.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import onnxruntime
import torch
import transformers
from transformers import BertConfig, BertModel, HubertConfig, HubertModel, PreTrainedModel

from jobs.batches import inference
from jobs.checkpoint.export import quietly
from jobs.compression.anatomy import anatomy_of
from jobs.compression.technique import Context, apply
from jobs.contract.spec import InputSpec, Runtime, Step
from jobs.inputs import synthetic_batches
from jobs.judging import short_batch
from jobs.profiling.breakdown import breakdown
from jobs.profiling.latency import PairedTimes, Pass, Stopwatch, pinned_threads, speedup, time_in_turns, wall_ms
from jobs.profiling.macs import count_macs
from jobs.profiling.profile import Input, pass_of
from jobs.profiling.runtimes import MAKERS, Passes

RESULTS = Path(__file__).parent / "results" / "smaller_faster.json"
KEY = ("model", "runtime", "batch", "threads", "cut")
BATCHES, THREADS = (1, 8), (1, 2)
REPEATS = 8
PARTS = {"feature_extractor": "front end", "pos_conv_embed": "positions", "attention": "attention"}
PARTS |= {"feed_forward": "feed-forward", "intermediate": "feed-forward", "output": "feed-forward"}

MINILM = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
MODELS: Mapping[str, tuple[Callable[[], PreTrainedModel], InputSpec]] = {
    "HuBERT base, 1 s": (lambda: HubertModel(HubertConfig()), InputSpec("audio", seconds=1.0)),
    "MiniLM, 128 tokens": (lambda: BertModel(MINILM), InputSpec("text", tokens=128)),
}

HEADS = Step("head_pruning", {"heads_removed": 0.5, "score": "l1", "scope": "layer", "reconstruct": False})
UNITS = Step("ffn_pruning", {"units_removed": 0.5, "score": "l1", "scope": "layer", "reconstruct": False})
CUTS: Mapping[str, tuple[Step, ...]] = {
    "heads": (HEADS,),
    "units": (UNITS,),
    "heads and units": (HEADS, UNITS),
    "low rank": (Step("low_rank", {"rank_ratio": 0.5}),),
    "low rank, a quarter": (Step("low_rank", {"rank_ratio": 0.25}),),
    "layers": (Step("distillation", {"layers_kept": 0, "steps": 0}),),
    "weights": (Step("weight_pruning", {"sparsity": 0.5}),),
}
"""What is done, half of it unless said; fewer layers are half of the model's."""


def cpu_ms(run: Pass) -> float:
    """Return what *run* takes of the processor [ms]."""
    began = time.process_time_ns()
    run()
    return (time.process_time_ns() - began) / 1e6


STOPWATCHES: Mapping[int, Stopwatch] = {1: cpu_ms, 2: wall_ms}


def context(model: PreTrainedModel) -> Context:
    """Return what techniques are given that have no data."""
    anatomy = anatomy_of(model)
    return Context(anatomy, None, torch.Generator().manual_seed(0), lambda *_: None, short_batch(model, anatomy))


def variants(dense: PreTrainedModel) -> dict[str, PreTrainedModel]:
    """Return the dense model and what each cut makes of it."""
    found, ctx = {"dense": dense}, context(dense)
    for name, steps in CUTS.items():
        model = deepcopy(dense)
        for step in steps:
            asked = {"layers_kept": dense.config.num_hidden_layers // 2} if step.technique == "distillation" else {}
            model = apply(Step(step.technique, {**step.params, **asked}), model, ctx).model
        found[name] = model.eval()
    return found


def parts(model: PreTrainedModel, given: Input) -> dict[str, Any]:
    """Return the milliseconds and MACs of a pass by the kind of module, what none of them does itself as the rest."""
    told = breakdown(model, given.batches, repeats=5)
    found: dict[str, Any] = {}
    inside: tuple[str, ...] = ()
    for each in told[1:]:
        name = each.path.rpartition(".")[2]
        if name not in PARTS or each.path.startswith(inside):
            continue
        inside += (f"{each.path}.",)
        ms, macs = found.get(PARTS[name], (0.0, 0))
        found[PARTS[name]] = (ms + (each.latency_ms or 0.0), macs + each.macs_executed)
    rest = [(told[0].latency_ms or 0.0) - sum(ms for ms, _ in found.values())]
    found["rest"] = (rest[0], told[0].macs_executed - sum(macs for _, macs in found.values()))
    return {name: {"ms": round(ms, 2), "macs": macs} for name, (ms, macs) in found.items()}


def plain(model: PreTrainedModel) -> Passes:
    """Return the passes of *model* in plain PyTorch."""
    return partial(pass_of, model)


def rows_of(
    models: Mapping[str, PreTrainedModel], made: Mapping[str, Passes], given: Input, threads: int
) -> list[dict[str, Any]]:
    """Return a row for each cut: the ideal, and what the clock says of it."""
    began = time.perf_counter()
    passes: list[Pass] = [each(given) for each in made.values()]
    prepared = time.perf_counter() - began
    times = time_in_turns(*passes, repeats=REPEATS, stopwatch=STOPWATCHES[threads], progress=lambda *_: None)
    macs = {name: count_macs(models[name], *given.batches).executed for name in made}
    dense_ms = sorted(times[0])[len(times[0]) // 2]
    found = []
    for name, each in list(zip(made, times, strict=True))[1:]:
        ratio, ideal = speedup(PairedTimes(times[0], each), given.spec), macs["dense"] / macs[name]
        found.append(
            {
                "cut": name,
                "ideal": round(ideal, 3),
                "realised": round(ratio.ratio, 3),
                "low": round(ratio.low, 3),
                "high": round(ratio.high, 3),
                "share": round(ratio.ratio / ideal, 3),
                "dense_ms": round(dense_ms, 2),
                "clock": "processor" if threads == 1 else "wall",
                "pairs": len(each),
                "prepared_s": round(prepared / len(made), 1),
                "load": round(os.getloadavg()[0], 1),
            }
        )
    return found


def measure(
    name: str, runtimes: Sequence[Runtime], batches: Sequence[int], threads: Sequence[int]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of one model, for each runtime, number of threads and batch."""
    build, spec = MODELS[name]
    torch.manual_seed(0)
    models = variants(build().eval())
    with TemporaryDirectory() as folder, inference(*models.values()), quietly():
        for runtime in runtimes:
            for count in threads:
                with pinned_threads(count):
                    make = plain if runtime == "eager" else partial(_made, runtime, spec.kind, Path(folder))
                    made = {cut: make(model) for cut, model in models.items()}
                    for batch in batches:
                        given = _input(models["dense"], spec, batch)
                        where = {"model": name, "runtime": runtime, "batch": batch, "threads": count}
                        yield [where | row for row in rows_of(models, made, given, count)]
                        torch.compiler.reset()


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print *rows*."""
    line = "{model:18} {runtime:13} batch {batch} threads {threads} {cut:20} {ideal:5.2f} {realised:5.2f} {share:5.2f}"
    for row in rows:
        print(line.format_map(row), f"[{row['low']:.2f}, {row['high']:.2f}] load {row['load']}", flush=True)


def keep(found: Sequence[Mapping[str, Any]], parts_of: Mapping[str, Any]) -> None:
    """Write what was *found* among what was found before."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": [], "parts": {}}
    new = {tuple(row[part] for part in KEY) for row in found}
    others = [row for row in kept["rows"] if tuple(row[part] for part in KEY) not in new]
    document = {
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count()},
        "rows": [*others, *found],
        "parts": {**kept["parts"], **parts_of},
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")


def _made(runtime: Runtime, kind: Any, folder: Path, model: PreTrainedModel) -> Passes:
    return MAKERS[runtime](model, kind, folder)


def _input(model: PreTrainedModel, spec: InputSpec, batch: int) -> Input:
    given = InputSpec(spec.kind, batch_size=batch, seconds=spec.seconds, tokens=spec.tokens)
    return Input(given, synthetic_batches(spec.kind, model.config, given))


def _parts(name: str) -> dict[str, Any]:
    build, spec = MODELS[name]
    torch.manual_seed(0)
    models = variants(build().eval())
    with inference(*models.values()), pinned_threads(1):
        return {cut: parts(model, _input(model, spec, 1)) for cut, model in models.items()}


def main() -> None:
    """Measure what is asked for, and keep it among what was measured before."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--model", nargs="+", default=list(MODELS))
    asked.add_argument("--runtime", nargs="+", default=list(get_args(Runtime)))
    asked.add_argument("--batch", nargs="+", type=int, default=list(BATCHES))
    asked.add_argument("--threads", nargs="+", type=int, default=list(THREADS))
    asked.add_argument("--parts", action="store_true", help="only where the time goes")
    given = asked.parse_args()
    for name in given.model:
        if given.parts:
            keep([], {name: _parts(name)})
            continue
        for found in measure(name, given.runtime, given.batch, given.threads):
            show(found)
            keep(found, {})


if __name__ == "__main__":
    main()
