"""Where a model's figures come from: the parameters, MACs and time of each of its modules.

A module's figures hold those of the modules within it, so that the whole model's are the first, and what a module does
itself is what its children leave. A module that is used several times in a pass is told once, with all its uses.

Cost: one forward pass for the MACs, and as many as asked for the time, in which each module reads the clock twice.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, TypeAlias

import torch
from torch import nn

from jobs.batches import Batch, device_of, entry_of, inference, suited
from jobs.contract.report import ModuleProfile
from jobs.profiling.macs import MacCounter
from jobs.profiling.size import count_parameters

Reading: TypeAlias = Callable[[], tuple[float, ...]]
"""Counts that only rise."""


def breakdown(model: nn.Module, batches: Sequence[Batch], *, repeats: int) -> tuple[ModuleProfile, ...]:
    """Return the figures of every module of *model* that takes part in ``model(**batch)``, over all *batches*.

    Modules come in the order of the model, each before those within it; time is the median of *repeats* passes [ms],
    and None without any.
    """
    entry, inputs = entry_of(model), [suited(batch, model) for batch in batches]
    counter = MacCounter(model)
    with inference(model), counter, _told(entry, lambda: (counter.executed, counter.theoretical)) as macs:
        _run(entry, inputs)
    with inference(model):
        passes = [_timed(entry, inputs) for _ in range(repeats)]
    return tuple(
        ModuleProfile(
            path=path,
            type=type(module).__name__,
            params_total=count_parameters(module),
            macs_executed=int(macs[path][0]),
            macs_theoretical=int(macs[path][1]),
            latency_ms=median(each[path][0] for each in passes) if passes else None,
        )
        for path, module in entry.named_modules()
        if path in macs
    )


def _run(model: nn.Module, inputs: Sequence[Batch]) -> None:
    for each in inputs:
        model(**each)


def _timed(model: nn.Module, inputs: Sequence[Batch]) -> dict[str, tuple[float, ...]]:
    """Return how long each module of *model* took in one pass [ms]."""
    with _told(model, _clock_of(device_of(model))) as spent:
        _run(model, inputs)
    return spent


def _clock_of(device: torch.device) -> Reading:
    def now_ms() -> tuple[float]:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return (time.perf_counter_ns() / 1e6,)

    return now_ms


@contextmanager
def _told(model: nn.Module, reading: Reading) -> Iterator[dict[str, tuple[float, ...]]]:
    """Give, by its path, how much *reading* rose within each module of *model* that the block runs."""
    rises: dict[str, tuple[float, ...]] = {}
    begun: dict[str, list[tuple[float, ...]]] = defaultdict(list)

    def begin(path: str) -> Callable[..., None]:
        return lambda *_: begun[path].append(reading())

    def end(path: str) -> Callable[..., None]:
        def add(*_: Any) -> None:
            rise = tuple(after - before for after, before in zip(reading(), begun[path].pop(), strict=True))
            rises[path] = tuple(map(sum, zip(rises.get(path, (0,) * len(rise)), rise, strict=True)))

        return add

    hooks = [
        hook
        for path, module in model.named_modules()
        for hook in (
            module.register_forward_pre_hook(begin(path), prepend=True),
            module.register_forward_hook(end(path)),
        )
    ]
    try:
        yield rises
    finally:
        for hook in hooks:
            hook.remove()
