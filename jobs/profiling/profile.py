"""Every figure of a dense and a compressed model, measured side by side on the same inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from jobs.batches import Batch, Modality, device_of, entry_of, inference, suited
from jobs.contract.report import InputProfile, Profile
from jobs.contract.spec import InputSpec, ProfileSpec
from jobs.contract.timing import Latency, Speedup
from jobs.inputs import settled_input, synthetic_batches, typical_input
from jobs.profiling.latency import (
    Pass,
    Progress,
    Quiet,
    Stopwatch,
    pinned_threads,
    quiet_as_it_is,
    speedup,
    stopwatch_for,
    summarise,
    time_in_turns,
    time_pairs,
)
from jobs.profiling.macs import count_macs
from jobs.profiling.memory import peak_memory_bytes
from jobs.profiling.size import count_nonzero, count_parameters

STEPS_PER_INPUT = 100
"""How finely the progress of one input is told, whatever the number of passes."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to measure.

    Attributes:
        model: takes batches of the modality; its ``config`` says which.
        encoder: the part of it that holds the Transformer layers.
        bytes_stored: of its weight files.
        nonzero: counts the numbers of a part that are not zero; of use where weights are not in memory.
    """

    model: nn.Module
    encoder: nn.Module
    bytes_stored: int
    nonzero: Callable[[nn.Module], int] = count_nonzero


@dataclass(frozen=True, slots=True)
class Input:
    """What a model is measured on.

    Attributes:
        spec: what it is, settled.
        batches: one for a shape, one for each utterance of a set; a pass takes all of them, one after another.
    """

    spec: InputSpec
    batches: tuple[Batch, ...]

    @property
    def seconds(self) -> float | None:
        """Return how much audio a pass takes, over whole batches [s]; None for other inputs."""
        return None if self.spec.seconds is None else self.spec.batch_size * self.spec.seconds


def profile_pair(
    dense: Subject,
    compressed: Subject,
    spec: ProfileSpec,
    *,
    modality: Modality,
    progress: Progress = lambda done, total: None,
    quiet: Quiet = quiet_as_it_is,
    stopwatch: Stopwatch | None = None,
    seed: int = 0,
) -> tuple[Profile, Profile, tuple[Speedup, ...]]:
    """Return the figures of both subjects, and the speed-up on each input of *spec* that is timed.

    Without inputs in *spec* the dense model's typical one is measured. Inputs are random, from *seed*. *stopwatch*
    is chosen by the device of the dense model where none is given.

    Raises:
        InvalidRequestError: an input is not of the model's kind, or of a length it cannot take.
    """
    inputs = inputs_of(spec, modality, dense.model.config, seed=seed)
    watch = stopwatch or stopwatch_for(device_of(dense.model))
    bench = _Bench(dense.model, compressed.model, spec.repeats, watch, quiet, seed)
    with inference(dense.model, compressed.model), pinned_threads(spec.threads):
        measured = [bench.measure(each, within(progress, index, len(inputs))) for index, each in enumerate(inputs)]
    of_dense, of_compressed, speedups = zip(*measured, strict=True)
    told = tuple(each for each in speedups if each is not None)
    return _profile(dense, of_dense), _profile(compressed, of_compressed), told


def profile_alone(
    subject: Subject,
    spec: ProfileSpec,
    inputs: Sequence[Input],
    *,
    progress: Progress = lambda done, total: None,
    quiet: Quiet = quiet_as_it_is,
    stopwatch: Stopwatch | None = None,
) -> Profile:
    """Return the figures of *subject* on *inputs*, timed as *spec* says."""
    watch = stopwatch or stopwatch_for(device_of(subject.model))
    measured = []
    with inference(subject.model), pinned_threads(spec.threads):
        for index, each in enumerate(inputs):
            told, latency = within(progress, index, len(inputs)), None
            if each.spec.timed:
                with quiet() as alone:
                    run = pass_of(subject.model, each)
                    (times,) = time_in_turns(run, repeats=spec.repeats, stopwatch=watch, progress=told)
                latency = latency_of(subject.model, times, alone=alone)
            measured.append(_on_input(subject.model, each, latency))
            told(1, 1)
    return _profile(subject, measured)


def profile_untimed(subject: Subject, inputs: Sequence[Input]) -> Profile:
    """Return the figures of *subject* on *inputs*, of at least one, but for its latency."""
    with inference(subject.model):
        return _profile(subject, [_on_input(subject.model, each, None) for each in inputs])


def inputs_of(spec: ProfileSpec, modality: Modality, config: Any, *, seed: int = 0) -> list[Input]:
    """Return the inputs of *spec*, or a typical one, each settled and with its random batches.

    Raises:
        InvalidRequestError: an input is not of the model's kind, or of a length it cannot take.
    """
    asked = spec.inputs or (typical_input(modality, config),)
    settled = [settled_input(modality, config, each) for each in asked]
    return [Input(each, synthetic_batches(modality, config, each, seed=seed)) for each in settled]


@dataclass(frozen=True, slots=True)
class _Measured:
    """One model on one input."""

    figures: InputProfile
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Bench:
    """Two models and how they are timed."""

    dense: nn.Module
    compressed: nn.Module
    repeats: int
    stopwatch: Stopwatch
    quiet: Quiet
    seed: int

    def measure(self, given: Input, progress: Progress) -> tuple[_Measured, _Measured, Speedup | None]:
        """Return both models' figures on one input, timed in pairs if it is to be timed."""
        if not given.spec.timed:
            counted = _on_input(self.dense, given, None), _on_input(self.compressed, given, None)
            progress(1, 1)
            return *counted, None
        passes = pass_of(self.dense, given), pass_of(self.compressed, given)
        with self.quiet() as alone:
            times = time_pairs(*passes, repeats=self.repeats, stopwatch=self.stopwatch, progress=progress)
        of_dense = _on_input(self.dense, given, latency_of(self.dense, times.dense, alone=alone))
        of_compressed = _on_input(self.compressed, given, latency_of(self.compressed, times.compressed, alone=alone))
        return of_dense, of_compressed, speedup(times, given.spec, seed=self.seed)


def pass_of(model: nn.Module, given: Input, entry: Callable[..., Any] | None = None) -> Pass:
    """Return one pass over all batches of *given*: of *model*, or of what was made of it, *entry*."""
    inputs, called = [suited(batch, model) for batch in given.batches], entry_of(model) if entry is None else entry

    def run() -> None:
        for each in inputs:
            called(**each)

    return run


def _on_input(model: nn.Module, given: Input, latency: Latency | None) -> _Measured:
    macs, seconds = count_macs(entry_of(model), *given.batches), given.seconds
    figures = InputProfile(
        input=given.spec,
        macs_executed=macs.executed,
        macs_theoretical=macs.theoretical,
        uncounted_ops=macs.uncounted_ops,
        latency_ms=latency,
        real_time_factor=None if latency is None or seconds is None else latency.p50 / 1000 / seconds,
        macs_per_second=None if seconds is None else macs.executed / seconds,
    )
    return _Measured(figures, peak_memory_bytes(entry_of(model), *given.batches))


def latency_of(model: nn.Module, times_ms: Sequence[float], *, alone: bool) -> Latency:
    """Return the summary of the times of *model*'s passes [ms], as they were taken here and now."""
    threads = torch.get_num_threads()
    return summarise(times_ms, threads=threads, device=_device_name(model), dtype=_dtype_name(model), alone=alone)


def _profile(subject: Subject, measured: Sequence[_Measured]) -> Profile:
    return Profile(
        params_total=count_parameters(subject.model),
        params_nonzero=subject.nonzero(subject.model),
        params_encoder=count_parameters(subject.encoder),
        params_encoder_nonzero=subject.nonzero(subject.encoder),
        bytes_stored=subject.bytes_stored,
        peak_memory_bytes=max(each.peak_memory_bytes for each in measured),
        inputs=tuple(each.figures for each in measured),
    )


def _device_name(model: nn.Module) -> str:
    device = device_of(model)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _dtype_name(model: nn.Module) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")


def within(progress: Progress, index: int, inputs: int) -> Progress:
    """Return the progress of the passes on input *index*, told as a share of all inputs."""
    total = inputs * STEPS_PER_INPUT

    def report(done: int, of: int) -> None:
        progress(index * STEPS_PER_INPUT + done * STEPS_PER_INPUT // of, total)

    return report
