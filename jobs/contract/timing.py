"""Figures that a clock gives: of one model, of two side by side, and of both under further runtimes."""

from dataclasses import dataclass

from jobs.contract.spec import InputSpec, Runtime


@dataclass(frozen=True, slots=True)
class Latency:
    """Wall-clock of one forward pass.

    Attributes:
        p50: median [ms].
        iqr: interquartile range [ms].
        min: fastest pass [ms].
        n: timed passes.
        threads: torch threads.
        device: ``cpu`` or a GPU's name.
        dtype: of the weights.
        alone: whether no other job computed on the machine meanwhile.
    """

    p50: float
    iqr: float
    min: float
    n: int
    threads: int
    device: str
    dtype: str
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Speedup:
    """One latency over another, of the dense and the compressed model unless said, from pairs taken in the same run.

    Attributes:
        input: the input measured.
        ratio: median of the paired ratios; a speed-up only where it is conclusive and above 1.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        conclusive: whether the interval leaves 1 out.
    """

    input: InputSpec
    ratio: float
    low: float
    high: float
    conclusive: bool


@dataclass(frozen=True, slots=True)
class RuntimeFigures:
    """Both models on one input under a runtime other than plain PyTorch, timed in turns with the dense one in that.

    Attributes:
        runtime: which.
        input: the input measured.
        dense: wall-clock of the source.
        compressed: wall-clock of the result.
        speedup: of the result over the source, both under this runtime.
        gain: of the runtime itself: the source in plain PyTorch over the source under it.
        overall: of both together: the source in plain PyTorch over the result under this runtime.
        dense_prepared_s: what compiling or exporting the source took, up to its first pass [s].
        compressed_prepared_s: the same of the result [s].
    """

    runtime: Runtime
    input: InputSpec
    dense: Latency
    compressed: Latency
    speedup: Speedup
    gain: Speedup
    overall: Speedup
    dense_prepared_s: float
    compressed_prepared_s: float


@dataclass(frozen=True, slots=True)
class RuntimeProfile:
    """One model on one input under a runtime other than plain PyTorch, timed in turns with plain PyTorch.

    Attributes:
        runtime: which.
        input: the input measured.
        latency_ms: wall-clock.
        gain: of the runtime: the model in plain PyTorch over the model under it.
        prepared_s: what compiling or exporting took, up to the first pass [s].
    """

    runtime: Runtime
    input: InputSpec
    latency_ms: Latency
    gain: Speedup
    prepared_s: float
