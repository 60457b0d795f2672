"""What runtimes other than plain PyTorch make of a model, so that a caller learns which of them realises a gain.

A runtime prepares a model first: ``torch_compile`` for each input anew, ``onnxruntime`` once, by the artifact's own
export. What that takes is told apart. Then passes under the runtime and of the first model in plain PyTorch are timed
in turns, as two models are (``jobs.profiling.latency``). A runtime that cannot take a model costs a warning, no job.

Cost: a compilation of each model for each input, which takes a C++ compiler and a minute, or an export of each model;
then as many rounds of passes as any two models are timed with.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import torch
from transformers import PreTrainedModel

from jobs.batches import Batch, Modality, device_of, dtype_of, entry_of, inference, suited
from jobs.checkpoint.export import export, onnx_session, quietly
from jobs.checkpoint.fitting import BUILD_ERRORS
from jobs.contract.errors import VerificationError
from jobs.contract.spec import InputSpec, OutputFormat, ProfileSpec, Runtime
from jobs.contract.timing import Latency, RuntimeFigures, RuntimeProfile, Speedup
from jobs.profiling.latency import (
    PairedTimes,
    Pass,
    Progress,
    Quiet,
    Stopwatch,
    pinned_threads,
    quiet_as_it_is,
    speedup,
    stopwatch_for,
    time_in_turns,
)
from jobs.profiling.profile import Input, latency_of, pass_of, within

Passes: TypeAlias = Callable[[Input], Pass]
"""From an input to a pass under a runtime, whose first run is behind it."""

Maker: TypeAlias = Callable[[PreTrainedModel, Modality, Path], Passes]
"""From a model, what it takes and a folder for what is temporary to its passes under a runtime."""

PREPARED_WITHIN_S = 1800.0
"""Nothing more is compiled or exported so long after the first: a job has other things to do."""

FORMATS: tuple[OutputFormat, ...] = ("onnx",)

SAID_AT_MOST = 300
"""Characters of what a runtime says against a model."""

_FAILURES = (*BUILD_ERRORS, OSError, ImportError, VerificationError)


class NotRunnableError(Exception):
    """A runtime cannot take a model or an input; says why."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Models on one input under a runtime, timed in turns with the first of them in plain PyTorch.

    Attributes:
        runtime: which.
        spec: the input.
        plain: passes of the first model in plain PyTorch [ms].
        times: passes of each model under the runtime [ms].
        latencies: what they come to.
        prepared_s: what it took to make each model ready, its first pass included [s].
    """

    runtime: Runtime
    spec: InputSpec
    plain: tuple[float, ...]
    times: tuple[tuple[float, ...], ...]
    latencies: tuple[Latency, ...]
    prepared_s: tuple[float, ...]

    def ratio(self, before: Sequence[float], after: Sequence[float]) -> Speedup:
        """Return how many times faster *after* is than *before*, of which both are some of the times."""
        return speedup(PairedTimes(tuple(before), tuple(after)), self.spec)


def compiled(model: PreTrainedModel, modality: Modality, scratch: Path) -> Passes:
    """Return the passes of *model* as ``torch.compile`` makes it for the lengths of an input; of a set, for any length.

    Nothing is taken from earlier compilations, so that it takes as long as for a user who has none either.
    """
    from torch._dynamo import config as tracing  # noqa: PLC0415 - two seconds that most jobs need not wait
    from torch._inductor import config as generating  # noqa: PLC0415
    from torch._inductor.utils import fresh_cache  # noqa: PLC0415

    def passes(given: Input) -> Pass:
        run = pass_of(model, given, torch.compile(entry_of(model), dynamic=len(given.batches) > 1))
        with (
            fresh_cache(dir=str(scratch)),
            tracing.patch(fail_on_recompile_limit_hit=True),  # rather than run as plain PyTorch and not say so
            generating.patch(compile_threads=1),
        ):
            run()
        return run

    return passes


def exported(model: PreTrainedModel, modality: Modality, scratch: Path) -> Passes:
    """Return the passes of *model* in ONNX Runtime, which computes with as many threads as torch does now.

    Raises:
        NotRunnableError: the model is not of the kind that this runtime computes with.
        VerificationError: the export does not give what the model gives.
    """
    if device_of(model).type != "cpu" or dtype_of(model) != torch.float32:
        raise NotRunnableError(
            f"it takes models in float32 on the CPU; this one is in {str(dtype_of(model)).removeprefix('torch.')} on "
            f"{device_of(model).type}"
        )
    with TemporaryDirectory(dir=scratch) as folder:
        (file,) = export(model, FORMATS, modality, Path(folder))
        session = onnx_session(Path(folder) / file.path)

    def passes(given: Input) -> Pass:
        wanted = [each.name for each in session.get_inputs()]
        feeds = [_fed(suited(batch, model), wanted) for batch in given.batches]

        def run() -> None:
            for each in feeds:
                session.run(None, each)

        with _onnxruntime_errors():
            run()
        return run

    return passes


MAKERS: Mapping[Runtime, Maker] = {"torch_compile": compiled, "onnxruntime": exported}


def time_runtimes(
    models: Sequence[PreTrainedModel],
    spec: ProfileSpec,
    inputs: Sequence[Input],
    *,
    modality: Modality,
    scratch: Path,
    progress: Progress = lambda done, total: None,
    quiet: Quiet = quiet_as_it_is,
    stopwatch: Stopwatch | None = None,
) -> tuple[tuple[Timed, ...], tuple[str, ...]]:
    """Return the times of *models* under each runtime of *spec* but plain PyTorch on each of *inputs* that is timed.

    With them comes a sentence for each that could not be had. What is temporary lies in *scratch*.
    """
    timed = [each for each in inputs if each.spec.timed]
    wanted = [each for each in spec.runtimes if each in MAKERS]
    watch = stopwatch or stopwatch_for(device_of(models[0]))
    bench = _Bench(tuple(models), modality, scratch, spec.repeats, watch, quiet, time.monotonic() + PREPARED_WITHIN_S)
    found: list[Timed] = []
    notes: list[str] = []
    with inference(*models), pinned_threads(spec.threads), quietly():
        for index, runtime in enumerate(wanted):
            for outcome in bench.under(runtime, timed, within(progress, index, len(wanted))):
                notes.append(outcome) if isinstance(outcome, str) else found.append(outcome)
    return tuple(found), tuple(notes)


def figures_of_pair(timed: Timed) -> RuntimeFigures:
    """Return what *timed* says of two models, a dense one and then a compressed one."""
    dense, compressed = timed.times
    return RuntimeFigures(
        runtime=timed.runtime,
        input=timed.spec,
        dense=timed.latencies[0],
        compressed=timed.latencies[1],
        speedup=timed.ratio(dense, compressed),
        gain=timed.ratio(timed.plain, dense),
        overall=timed.ratio(timed.plain, compressed),
        dense_prepared_s=timed.prepared_s[0],
        compressed_prepared_s=timed.prepared_s[1],
    )


def figures_alone(timed: Timed) -> RuntimeProfile:
    """Return what *timed* says of a single model."""
    (times,), (latency,), (prepared_s,) = timed.times, timed.latencies, timed.prepared_s
    return RuntimeProfile(timed.runtime, timed.spec, latency, timed.ratio(timed.plain, times), prepared_s)


@dataclass(frozen=True, slots=True)
class _Bench:
    """Models and how they are timed; the first of them in plain PyTorch as well."""

    models: tuple[PreTrainedModel, ...]
    modality: Modality
    scratch: Path
    repeats: int
    stopwatch: Stopwatch
    quiet: Quiet
    deadline: float

    def under(self, runtime: Runtime, inputs: Sequence[Input], progress: Progress) -> Iterator[Timed | str]:
        """Yield the times on each of *inputs*, or why there are none."""
        try:
            made = [self._prepared(MAKERS[runtime], each, self.modality, self.scratch) for each in self.models]
        except NotRunnableError as why:
            yield f"{runtime} was not timed: {why}."
            return
        for index, given in enumerate(inputs):
            heard = within(progress, index, len(inputs))
            heard(0, 1)
            try:
                ready = [self._prepared(passes, given) for passes, _ in made]
            except NotRunnableError as why:
                yield f"{runtime} was not timed on {_said(given.spec)}: {why}."
                continue
            yield self._timed(runtime, given, made, ready, heard)
            torch.compiler.reset()  # each input is compiled for from nothing, and leaves nothing behind

    def _prepared(self, make: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
        """Return what *make* gives, and how long it took [s]."""
        began = time.monotonic()
        if began > self.deadline:
            raise NotRunnableError(f"the {PREPARED_WITHIN_S:.0f} s are over in which runtimes are prepared")
        try:
            return make(*arguments), time.monotonic() - began
        except _FAILURES as error:
            said = (str(error).strip() or "nothing").splitlines()[0].rstrip(".")
            raise NotRunnableError(f"{type(error).__name__}: {said[:SAID_AT_MOST]}") from error

    def _timed(
        self, runtime: Runtime, given: Input, made: Sequence[Any], ready: Sequence[Any], progress: Progress
    ) -> Timed:
        runs = [pass_of(self.models[0], given), *(run for run, _ in ready)]
        with self.quiet() as alone:
            plain, *times = time_in_turns(*runs, repeats=self.repeats, stopwatch=self.stopwatch, progress=progress)
        taken = zip(self.models, times, strict=True)
        return Timed(
            runtime=runtime,
            spec=given.spec,
            plain=plain,
            times=tuple(times),
            latencies=tuple(latency_of(model, each, alone=alone) for model, each in taken),
            prepared_s=tuple(once + each for (_, once), (_, each) in zip(made, ready, strict=True)),
        )


def _fed(batch: Batch, wanted: Sequence[str]) -> dict[str, Any]:
    """Return *batch* as ONNX Runtime takes it, with a mask of ones where the file takes one and the batch has none."""
    first = next(iter(batch.values()))
    ones = torch.ones(first.shape[:2], dtype=torch.long)
    return {name: batch.get(name, ones).numpy() for name in wanted}


@contextmanager
def _onnxruntime_errors() -> Iterator[None]:
    """Say why ONNX Runtime cannot take an input: what it raises has no class of its own in common."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised  # noqa: PLC0415 - see export

    try:
        yield
    except (raised.Fail, raised.InvalidArgument, raised.NotImplemented, raised.RuntimeException) as error:
        raise NotRunnableError(str(error)[:SAID_AT_MOST].rstrip(".")) from error


def _said(spec: InputSpec) -> str:
    lengths = {"seconds": spec.seconds, "tokens": spec.tokens, "pixels": spec.pixels}
    length = next(f"{size:g} {unit}" for unit, size in lengths.items() if size is not None)
    return f"{spec.batch_size} × {length}"
