"""The figures of a report by the names that gates use."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelpress import Record, Report


@dataclass(frozen=True, slots=True)
class Span:
    """One figure: a number, or the interval that it was measured to lie in.

    Attributes:
        low: lower end; the number itself where there is no interval.
        high: upper end.
        of: what it was measured on, in a few words, where there is more than one.
    """

    low: float
    high: float
    of: str = ""

    def __str__(self) -> str:
        shown = _shown(self.low) if self.low == self.high else f"{_shown(self.low)} to {_shown(self.high)}"
        return f"{shown} on {self.of}" if self.of else shown


@dataclass(frozen=True, slots=True)
class Figure:
    """How a gate may call a figure, what it is, and where a report has it."""

    name: str
    meaning: str
    read: Callable[[Report], list[Span]]


def figure(report: Report, name: str) -> list[Span]:
    """Return every value that *report* has of the figure *name*, none where it was not measured."""
    if name.startswith(SCORE_PREFIX):
        return _scores(report, name.removeprefix(SCORE_PREFIX))
    return FIGURES[name].read(report)


def is_known(name: str) -> bool:
    """Return whether there is a figure *name*."""
    return name in FIGURES or (name.startswith(SCORE_PREFIX) and name != SCORE_PREFIX)


def _of_model(field: str) -> Callable[[Report], list[Span]]:
    return lambda report: [_exact(value) for value in (_result(report).get(field),) if value is not None]


def _kept(field: str) -> Callable[[Report], list[Span]]:
    def read(report: Report) -> list[Span]:
        dense, compressed = (report.get(side, {}).get(field) for side in ("dense", "compressed"))
        return [_exact(compressed / dense)] if dense and compressed is not None else []

    return read


def _macs_kept(report: Report) -> list[Span]:
    sides = (report.get(side, {}).get("inputs", ()) for side in ("dense", "compressed"))
    return [
        _exact(compressed.macs_executed / dense.macs_executed, _input(dense))
        for dense, compressed in zip(*sides, strict=False)
        if dense.macs_executed
    ]


def _on_inputs(read: Callable[[Record], Any]) -> Callable[[Report], list[Span]]:
    def spans(report: Report) -> list[Span]:
        found = ((read(each), _input(each)) for each in _result(report).get("inputs", ()))
        return [_exact(value, of) for value, of in found if value is not None]

    return spans


def _speedups(report: Report) -> list[Span]:
    return [Span(each.low, each.high, _input(each)) for each in report.get("speedup") or ()]


def _median_speedups(report: Report) -> list[Span]:
    return [_exact(each.ratio, _input(each)) for each in report.get("speedup") or ()]


def _of_fidelity(field: str) -> Callable[[Report], list[Span]]:
    return lambda report: [_exact(report.fidelity[field])] if report.get("fidelity") is not None else []


def _scores(report: Report, label: str | None = None) -> list[Span]:
    wanted = [each for each in report.get("quality") or () if label in {None, each.label}]
    scores = [(each.get("compressed") or each.get("score"), each) for each in wanted]
    return [Span(score.low, score.high, f"{each.probe} of {each.label}") for score, each in scores if score is not None]


def _scores_kept(report: Report) -> list[Span]:
    probes = [each for each in report.get("quality") or () if each.get("dense") and each.get("compressed")]
    return [
        _exact(each.compressed.value / each.dense.value, f"{each.probe} of {each.label}")
        for each in probes
        if each.dense.value
    ]


def _result(report: Report) -> Mapping[str, Any]:
    found: Mapping[str, Any] = report.get("compressed") or report.get("profile") or {}
    return found


def _exact(value: float, of: str = "") -> Span:
    return Span(value, value, of)


def _input(measured: Record) -> str:
    spec: Record = measured.input
    units = (f"{spec[unit]:g} {unit}" for unit in ("seconds", "tokens", "pixels") if spec.get(unit) is not None)
    return " x ".join([str(spec.get("batch_size", 1)), *units])


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _by_name(figures: Iterable[Figure]) -> dict[str, Figure]:
    return {each.name: each for each in figures}


SCORE_PREFIX = "score."
FIGURES = _by_name(
    (
        Figure("speedup", "how many times faster, with its 95 % interval, on each timed input", _speedups),
        Figure("speedup_median", "the same, the median alone", _median_speedups),
        Figure("fidelity", "cosine of the outputs to the dense model's", _of_fidelity("cosine")),
        Figure("relative_error", "distance of the outputs to the dense model's", _of_fidelity("relative_error")),
        Figure("params_ratio", "share of the parameters that is left", _kept("params_total")),
        Figure("params_nonzero_ratio", "share of the non-zero parameters that is left", _kept("params_nonzero")),
        Figure("params_encoder_ratio", "share of the encoder's parameters that is left", _kept("params_encoder")),
        Figure("macs_ratio", "share of the executed MACs that is left, on each input", _macs_kept),
        Figure("bytes_ratio", "share of the stored bytes that is left", _kept("bytes_stored")),
        Figure("memory_ratio", "share of the memory at peak that is left", _kept("peak_memory_bytes")),
        Figure("params", "parameters of the result", _of_model("params_total")),
        Figure("params_nonzero", "its non-zero parameters", _of_model("params_nonzero")),
        Figure("params_encoder", "its encoder's parameters", _of_model("params_encoder")),
        Figure("bytes", "its stored bytes", _of_model("bytes_stored")),
        Figure("memory", "its bytes of memory at peak", _of_model("peak_memory_bytes")),
        Figure("macs", "its executed MACs, on each input", _on_inputs(lambda each: each.macs_executed)),
        Figure(
            "latency_ms",
            "its median latency [ms], on each timed input",
            _on_inputs(lambda each: (each.get("latency_ms") or {}).get("p50")),
        ),
        Figure(
            "real_time_factor",
            "seconds of compute for a second of audio, on each timed input",
            _on_inputs(lambda each: each.get("real_time_factor")),
        ),
        Figure("score", "score of the result in each probe, with its 95 % interval", _scores),
        Figure("score_ratio", "score of the result over the dense model's, in each probe", _scores_kept),
    )
)
