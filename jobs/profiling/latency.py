"""Wall-clock of a model, or of two side by side.

Two are timed in pairs within one run, the order alternating, so that whatever slows the machine down for a while
slows both; a speed-up is the median of the pairs' ratios. A bootstrap over the pairs gives its interval
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13: the percentile method).
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TypeAlias

import torch

from jobs.contract.spec import InputSpec
from jobs.contract.timing import Latency, Speedup

Pass: TypeAlias = Callable[[], object]
"""One forward pass."""

Stopwatch: TypeAlias = Callable[[Pass], float]
"""Runs a pass and returns how long it took [ms]."""

Quiet: TypeAlias = Callable[[], AbstractContextManager[bool]]
"""Keeps the machine free of other jobs while its block runs, and gives whether it could."""

Progress: TypeAlias = Callable[[int, int], object]
"""Hears how many of how many passes are done; whatever it raises ends the measurement."""

Round: TypeAlias = Callable[[int], tuple[float, ...]]
"""Times one pass of each model that is measured, in an order that the round's number decides [ms]."""

WARM_UP_ROUNDS = (2, 10)
"""At least and at most this many rounds run before any is kept."""

STABLE_WITHIN = 0.1
"""Warm-up ends when a pass of each model takes as long as the one before it, within this share."""

LEAST_TOTAL_MS = 500.0
"""Passes are repeated, beyond what was asked for, until one model's add up to about this much …"""

MOST_EXTRA_ROUNDS = 200
"""… but no more often than this."""

LEAST_CONCLUSIVE_PAIRS = 6
"""With five pairs even a unanimous verdict has p = 2 / 2^5 > 0.05 in a sign test."""

RESAMPLES = 2_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """The passes of two models; the passes at one index ran next to each other [ms]."""

    dense: tuple[float, ...]
    compressed: tuple[float, ...]


def wall_ms(run: Pass) -> float:
    """Return the wall-clock of *run* on the CPU [ms]."""
    began = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - began) / 1e6


def cuda_ms(run: Pass, device: torch.device) -> float:
    """Return the time of *run* between two events of the stream that *device* works through [ms]."""
    with torch.cuda.device(device):  # events belong to a device, and *run* may use another than the current one
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        began.record()
        run()
        ended.record()
        ended.synchronize()
        return float(began.elapsed_time(ended))


def quiet_as_it_is() -> AbstractContextManager[bool]:
    """Return the quiet of a machine that nobody else is known to use."""
    return nullcontext(enter_result=True)


def stopwatch_for(device: torch.device) -> Stopwatch:
    """Return how to time what runs on *device*."""
    return partial(cuda_ms, device=device) if device.type == "cuda" else wall_ms


def time_pairs(dense: Pass, compressed: Pass, *, repeats: int, stopwatch: Stopwatch, progress: Progress) -> PairedTimes:
    """Return the times of two passes that are taken in turns."""
    return PairedTimes(*time_in_turns(dense, compressed, repeats=repeats, stopwatch=stopwatch, progress=progress))


def time_in_turns(
    *passes: Pass, repeats: int, stopwatch: Stopwatch, progress: Progress
) -> tuple[tuple[float, ...], ...]:
    """Return the times of each of *passes*, one from each of at least *repeats* rounds [ms].

    Rounds are kept after a warm-up, with the garbage collector held back.
    """
    return tuple(zip(*_rounds(_Turns(passes, stopwatch).run, repeats, progress), strict=True))


def summarise(times_ms: Sequence[float], *, threads: int, device: str, dtype: str, alone: bool = True) -> Latency:
    """Return median, spread and minimum of one model's passes."""
    low, middle, high = _quantiles(torch.tensor(times_ms, dtype=torch.float64), (0.25, 0.5, 0.75))
    return Latency(middle, high - low, min(times_ms), len(times_ms), threads, device, dtype, alone)


def speedup(times: PairedTimes, spec: InputSpec, *, seed: int = 0) -> Speedup:
    """Return how many times faster the compressed model is, with a 95 % interval.

    Conclusive when the interval leaves 1 out and there are enough pairs to tell.
    """
    ratios = torch.tensor(times.dense, dtype=torch.float64) / torch.tensor(times.compressed, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(ratios), (RESAMPLES, len(ratios)), generator=generator)
    medians = ratios[drawn].quantile(0.5, dim=1)
    low, high = _quantiles(medians, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    conclusive = len(ratios) >= LEAST_CONCLUSIVE_PAIRS and not low <= 1 <= high
    return Speedup(spec, float(ratios.quantile(0.5)), low, high, conclusive)


@contextmanager
def pinned_threads(count: int) -> Iterator[None]:
    """Run the block with *count* torch threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True, slots=True)
class _Turns:
    passes: tuple[Pass, ...]
    stopwatch: Stopwatch

    def run(self, index: int) -> tuple[float, ...]:
        """Return the time of each pass; at odd *index* the last goes first."""
        if index % 2:
            return tuple(self.stopwatch(each) for each in reversed(self.passes))[::-1]
        return tuple(self.stopwatch(each) for each in self.passes)


def _rounds(run: Round, repeats: int, progress: Progress) -> list[tuple[float, ...]]:
    """Return the times of at least *repeats* rounds after a warm-up."""
    with _no_garbage_collection():
        count = _enough(repeats, min(_warm_up(run)))
        times = []
        for index in range(count):
            times.append(run(index))
            progress(index + 1, count)
    return times


def _warm_up(run: Round) -> tuple[float, ...]:
    """Return the times of the last round of a warm-up."""
    least, most = WARM_UP_ROUNDS
    last = run(0)
    for index in range(1, most):
        before, last = last, run(index)
        stable = all(abs(now - then) <= STABLE_WITHIN * then for then, now in zip(before, last, strict=True))
        if stable and index + 1 >= least:
            break
    return last


def _enough(repeats: int, pass_ms: float) -> int:
    extra = ceil(LEAST_TOTAL_MS / max(pass_ms, 1e-3))
    return max(repeats, min(extra, MOST_EXTRA_ROUNDS))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _quantiles(values: torch.Tensor, shares: Sequence[float]) -> list[float]:
    return [float(each) for each in values.quantile(torch.tensor(shares, dtype=values.dtype))]
