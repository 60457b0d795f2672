"""What a compression's report says of one model, by measure: the dense one, the result, or the control."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

Side: TypeAlias = Literal["dense", "compressed"]
Readings: TypeAlias = dict[str, tuple[float, ...]]
"""A value by measure, followed by the ends of its interval where there is one."""

SIZES = (
    "params_total",
    "params_nonzero",
    "params_encoder",
    "params_encoder_nonzero",
    "bytes_stored",
    "peak_memory_bytes",
)
SAME_SHAPE = ("params_total", "params_encoder", "macs_executed", "macs_per_second")
"""What learning leaves as it was: the control has these figures of the dense model."""


def keyed(name: str, place: int) -> str:
    """Return the name of a measure on the input at *place*: the first is the usual one."""
    return name if place == 0 else f"{name}_{place + 1}"


def unkeyed(name: str) -> str:
    """Return what the measure *name* is called on the first input."""
    return re.sub(r"_\d+$", "", name)


def inputs_of(profile: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what *profile* says of each input."""
    return list(profile["inputs"])


def timed_inputs_of(profile: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what *profile* says of each input that was to be timed."""
    return [each for each in profile["inputs"] if each["input"].get("timed", True)]


def of_side(report: Mapping[str, Any], side: Side) -> Readings:
    """Return every figure of the dense model or of the result."""
    found: Readings = {name: (report[side][name],) for name in SIZES}
    for place, given in enumerate(inputs_of(report[side])):
        found |= {keyed(name, place): reading for name, reading in _macs(given)}
    for place, given in enumerate(timed_inputs_of(report[side])):
        found |= {keyed(name, place): reading for name, reading in _times(report, given, side)}
    return found | (_unchanged() if side == "dense" else _closeness(report["fidelity"])) | _probed(report, side)


def of_control(report: Mapping[str, Any]) -> Readings:
    """Return the figures of the dense model after the steps of recovery: quality, and what follows from its shape.

    Empty where no control was asked for.
    """
    closeness = report.get("fidelity_control")
    quality = ({} if closeness is None else _closeness(closeness)) | _probed(report, "control")
    shape = {name: value for name, value in of_side(report, "dense").items() if unkeyed(name) in SAME_SHAPE}
    return shape | quality if quality else {}


def probes_of(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the probes of *report* by the name of their measure."""
    found: dict[str, Mapping[str, Any]] = {}
    seen = Counter[str]()
    for each in report.get("quality", ()):
        name = f"{each['probe']}_{each['label']}"
        found[keyed(name, seen[name])] = each
        seen[name] += 1
    return found


def _macs(given: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, ...]]]:
    yield "macs_executed", (given["macs_executed"],)
    yield "macs_theoretical", (given["macs_theoretical"],)
    if given["macs_per_second"] is not None:
        yield "macs_per_second", (given["macs_per_second"],)
        seconds = given["macs_executed"] / given["macs_per_second"]
        yield "macs_per_second_theoretical", (given["macs_theoretical"] / seconds,)


def _times(report: Mapping[str, Any], given: Mapping[str, Any], side: Side) -> Iterator[tuple[str, tuple[float, ...]]]:
    for faster in (each for each in report["speedup"] if each["input"] == given["input"]):
        yield "latency_relative", (1.0,) if side == "dense" else _relative(faster)
    if given["latency_ms"] is not None:
        yield "latency_ms", (given["latency_ms"]["p50"],)
    if given["real_time_factor"] is not None:
        yield "real_time_factor", (given["real_time_factor"],)


def _relative(faster: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the inverse of a speed-up, with its interval unless there were too few pairs to tell by it."""
    told = faster["conclusive"] or faster["low"] <= 1 <= faster["high"]
    return (1 / faster["ratio"], *((1 / faster["high"], 1 / faster["low"]) if told else ()))


def _unchanged() -> Readings:
    return {"fidelity_cosine": (1.0,), "fidelity_relative_error": (0.0,)}


def _closeness(fidelity: Mapping[str, Any]) -> Readings:
    return {f"fidelity_{name}": (fidelity[name],) for name in ("cosine", "relative_error")}


def _probed(report: Mapping[str, Any], side: str) -> Readings:
    scores = {name: each.get(side) for name, each in probes_of(report).items()}
    return {name: (each["value"], each["low"], each["high"]) for name, each in scores.items() if each is not None}
