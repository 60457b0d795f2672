"""Every figure of a dense and a compressed model, measured side by side on the same inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from jobs.batches import (
    Batch,
    Modality,
    device_of,
    entry_of,
    inference,
    settled_input,
    suited,
    synthetic_batch,
    typical_input,
)
from jobs.contract.report import InputProfile, Latency, Profile, Speedup
from jobs.contract.spec import InputSpec, ProfileSpec
from jobs.profiling.latency import (
    Pass,
    Progress,
    Stopwatch,
    pinned_threads,
    speedup,
    stopwatch_for,
    summarise,
    time_alone,
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


def profile_pair(
    dense: Subject,
    compressed: Subject,
    spec: ProfileSpec,
    *,
    modality: Modality,
    progress: Progress = lambda done, total: None,
    stopwatch: Stopwatch | None = None,
    seed: int = 0,
) -> tuple[Profile, Profile, tuple[Speedup, ...]]:
    """Return the figures of both subjects and the speed-up on each input of *spec*.

    Without inputs in *spec* the dense model's typical one is measured. Inputs are random, from *seed*. *stopwatch*
    is chosen by the device of the dense model where none is given.

    Raises:
        InvalidRequestError: an input is not of the model's kind, or of a length it cannot take.
    """
    batches = inputs_of(spec, modality, dense.model.config, seed=seed)
    bench = _Bench(
        dense.model, compressed.model, spec.repeats, stopwatch or stopwatch_for(device_of(dense.model)), seed
    )
    with inference(dense.model, compressed.model), pinned_threads(spec.threads):
        measured = [
            bench.measure(each, batch, _within(progress, index, len(batches)))
            for index, (each, batch) in enumerate(batches)
        ]
    of_dense, of_compressed, speedups = zip(*measured, strict=True)
    return _profile(dense, of_dense), _profile(compressed, of_compressed), speedups


def profile_alone(
    subject: Subject,
    spec: ProfileSpec,
    inputs: Sequence[tuple[InputSpec, Batch]],
    *,
    progress: Progress = lambda done, total: None,
    stopwatch: Stopwatch | None = None,
) -> Profile:
    """Return the figures of *subject* on *inputs*, timed as *spec* says."""
    watch = stopwatch or stopwatch_for(device_of(subject.model))
    measured = []
    with inference(subject.model), pinned_threads(spec.threads):
        for index, (each, batch) in enumerate(inputs):
            told = _within(progress, index, len(inputs))
            times = time_alone(_pass(subject.model, batch), repeats=spec.repeats, stopwatch=watch, progress=told)
            measured.append(_on_input(subject.model, each, batch, times))
    return _profile(subject, measured)


def profile_untimed(subject: Subject, inputs: Sequence[tuple[InputSpec, Batch]]) -> Profile:
    """Return the figures of *subject* on *inputs*, of at least one, but for its latency."""
    with inference(subject.model):
        return _profile(subject, [_on_input(subject.model, each, batch, None) for each, batch in inputs])


def inputs_of(spec: ProfileSpec, modality: Modality, config: Any, *, seed: int = 0) -> list[tuple[InputSpec, Batch]]:
    """Return the inputs of *spec*, or a typical one, each settled and with its random batch.

    Raises:
        InvalidRequestError: an input is not of the model's kind, or of a length it cannot take.
    """
    asked = spec.inputs or (typical_input(modality, config),)
    settled = [settled_input(modality, config, each) for each in asked]
    return [(each, synthetic_batch(modality, config, each, seed=seed)) for each in settled]


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
    seed: int

    def measure(self, spec: InputSpec, batch: Batch, progress: Progress) -> tuple[_Measured, _Measured, Speedup]:
        """Return both models' figures on one input, timed in pairs."""
        passes = _pass(self.dense, batch), _pass(self.compressed, batch)
        times = time_pairs(*passes, repeats=self.repeats, stopwatch=self.stopwatch, progress=progress)
        of_dense = _on_input(self.dense, spec, batch, times.dense)
        of_compressed = _on_input(self.compressed, spec, batch, times.compressed)
        return of_dense, of_compressed, speedup(times, spec, seed=self.seed)


def _pass(model: nn.Module, batch: Batch) -> Pass:
    inputs, entry = suited(batch, model), entry_of(model)
    return lambda: entry(**inputs)


def _on_input(model: nn.Module, spec: InputSpec, batch: Batch, times_ms: tuple[float, ...] | None) -> _Measured:
    macs = count_macs(entry_of(model), batch)
    latency = None if times_ms is None else _latency(model, times_ms)
    figures = InputProfile(
        input=spec,
        macs_executed=macs.executed,
        macs_theoretical=macs.theoretical,
        uncounted_ops=macs.uncounted_ops,
        latency_ms=latency,
        real_time_factor=_real_time_factor(latency, spec),
    )
    return _Measured(figures, peak_memory_bytes(entry_of(model), batch))


def _latency(model: nn.Module, times_ms: tuple[float, ...]) -> Latency:
    threads = torch.get_num_threads()
    return summarise(times_ms, threads=threads, device=_device_name(model), dtype=_dtype_name(model))


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


def _real_time_factor(latency: Latency | None, spec: InputSpec) -> float | None:
    """Return seconds of compute per second of audio, over the whole batch."""
    return None if latency is None or spec.seconds is None else latency.p50 / 1000 / (spec.batch_size * spec.seconds)


def _device_name(model: nn.Module) -> str:
    device = device_of(model)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _dtype_name(model: nn.Module) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")


def _within(progress: Progress, index: int, inputs: int) -> Progress:
    """Return the progress of the passes on input *index*, told as a share of all inputs."""
    total = inputs * STEPS_PER_INPUT

    def report(done: int, of: int) -> None:
        progress(index * STEPS_PER_INPUT + done * STEPS_PER_INPUT // of, total)

    return report
