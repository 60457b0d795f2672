"""The demo's one table: a row for each dense model and each result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HEADER = ("", "params", "non-zero", "MACs", "w/o zeros", "dense ms", "ms", "speed-up [95 %]", "RTF", "fidelity", "MB")
LEGEND = (
    "params: stored; MACs: multiply-accumulates that dense kernels execute, and the same without stored zeros, for one "
    "input;\ndense ms, ms: median wall-clock, measured in alternation; RTF: seconds of compute per second of audio;\n"
    "speed-up: none where its interval holds 1; fidelity: mean cosine between the last hidden states of the result "
    "and of the\ndense model; for MiniLM on sentences that were held out."
)
MILLION = 1e6
BILLION = 1e9


@dataclass(frozen=True, slots=True)
class Result:
    """One job's report under the name of what it did."""

    name: str
    report: Any


def render(title: str, results: Sequence[Result]) -> str:
    """Return the table of *results*, which share one dense model."""
    rows = [HEADER, _dense_row(title, results[0].report), *(_row(each) for each in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(_cell(row, widths, column) for column in range(len(HEADER))).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _cell(row: tuple[str, ...], widths: list[int], column: int) -> str:
    return row[column].ljust(widths[column]) if column == 0 else row[column].rjust(widths[column])


def _dense_row(title: str, report: Any) -> tuple[str, ...]:
    measured = report.dense.inputs[0]
    latency = _milliseconds(measured)
    return (title, *_sizes(report.dense), latency, latency, "", _rtf(measured), "", _megabytes(report.dense))


def _row(result: Result) -> tuple[str, ...]:
    report = result.report
    dense, compressed = report.dense.inputs[0], report.compressed.inputs[0]
    return (
        f"  {result.name}",
        *_sizes(report.compressed),
        _milliseconds(dense),
        _milliseconds(compressed),
        _speedup(report),
        _rtf(compressed),
        f"{report.fidelity.cosine:.4f}",
        _megabytes(report.compressed),
    )


def _sizes(profile: Any) -> tuple[str, str, str, str]:
    measured = profile.inputs[0]
    return (
        f"{profile.params_total / MILLION:.2f} M",
        f"{profile.params_nonzero / MILLION:.2f} M",
        f"{measured.macs_executed / BILLION:.2f} G",
        f"{measured.macs_theoretical / BILLION:.2f} G",
    )


def _milliseconds(measured: Any) -> str:
    latency = measured.get("latency_ms")
    return "" if latency is None else f"{latency.p50:.1f}"


def _speedup(report: Any) -> str:
    """Return the speed-up on the first input; empty where that was not timed."""
    if report.dense.inputs[0].get("latency_ms") is None or not report.speedup:
        return ""
    first = report.speedup[0]
    shown = f"{first.ratio:.2f}" if first.conclusive else "none"
    return f"{shown} [{first.low:.2f}, {first.high:.2f}]"


def _rtf(measured: Any) -> str:
    factor = measured.get("real_time_factor")
    return "" if factor is None else f"{factor:.3f}"


def _megabytes(profile: Any) -> str:
    return f"{profile.bytes_stored / MILLION:.1f}"
