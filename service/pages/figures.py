"""The figures of a report as tables, each with how it was taken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.pages import words
from service.pages.tables import Table

Json = dict[str, Any]
FIGURES = (
    ("Parameters", "params_total", words.count),
    ("Parameters that are not zero", "params_nonzero", words.count),
    ("Parameters of the encoder", "params_encoder", words.count),
    ("Bytes stored", "bytes_stored", words.size),
    ("Peak memory", "peak_memory_bytes", words.size),
)
"""Figures of a model that do not depend on its input: heading, key and how to say it."""
LAYER_FIGURES = ("cosine", "cka", "relative_error")
PROBED = ("dense", "before_recovery", "compressed", "control")
SOURCES = {
    "held_out": "data of yours that no step has seen",
    "calibration": "the data that the steps learned from",
    "synthetic": "random inputs, which say little about quality",
}


def before_after(report: Json) -> Table:
    """Return the figures of both models, side by side."""
    pairs = zip(_figures(report["dense"]), _figures(report["compressed"]), strict=True)
    rows = [[each.head, each.said, after.said, words.percent(after.value, each.value)] for each, after in pairs]
    return Table("Before and after", ("Figure", "Dense", "Compressed", "Left"), rows, _protocols(report["dense"]))


@dataclass(frozen=True, slots=True)
class _Figure:
    head: str
    value: float
    said: str


def _figures(profile: Json) -> Iterator[_Figure]:
    for head, key, said in FIGURES:
        if key in profile:
            yield _Figure(head, profile[key], said(profile[key]))
    for each in profile["inputs"]:
        yield from _input_figures(each)


def _input_figures(each: Json) -> Iterator[_Figure]:
    on = words.length(each["input"])
    for head, key in (("MACs", "macs_executed"), ("MACs without stored zeros", "macs_theoretical")):
        if key in each:
            yield _Figure(f"{head}, {on}", each[key], words.count(each[key]))
    if latency := each.get("latency_ms"):
        yield _Figure(f"Wall-clock [ms], {on}", latency["p50"], _milliseconds(latency))
    if (factor := each.get("real_time_factor")) is not None:
        yield _Figure(f"Real-time factor, {on}", factor, f"{factor:.4f}")


def _protocols(profile: Json) -> list[str]:
    """Return how the figures were taken, each way once."""
    timed = [each["latency_ms"] for each in profile["inputs"] if each.get("latency_ms")]
    said = [
        f"Wall-clock is the median of {each['n']} passes ± half their interquartile range, on {each['device']}, "
        f"{each['threads']} thread(s), {each['dtype']}."
        for each in timed
    ]
    return list(dict.fromkeys(said))


def as_it_is(report: Json) -> Table:
    """Return the figures of the one model of a profile."""
    profile = report["profile"]
    rows = [[each.head, each.said] for each in _figures(profile)]
    return Table("The model as it is", ("Figure", "Measured"), rows, _protocols(profile))


def runtimes(report: Json) -> Iterator[Table]:
    """Yield the times under other runtimes, of a compression's two models or of a profile's one."""
    rows = [
        [f"{each['runtime']}, {words.length(each['input'])}", *_under(each), interval(each["gain"])]
        for each in report.get("runtimes") or ()
    ]
    if rows:
        sides = ("Dense [ms]", "Compressed [ms]") if "dense" in report else ("Wall-clock [ms]",)
        notes = ["The gain is that of the runtime: plain PyTorch over it, on the model as it came."]
        yield Table("Under other runtimes", ("Runtime", *sides, "Gain"), rows, notes, numeric=False)


def _under(each: Json) -> list[str]:
    sides = [each["dense"], each["compressed"]] if "dense" in each else [each["latency_ms"]]
    return [_milliseconds(latency) for latency in sides]


def _milliseconds(latency: Json) -> str:
    return f"{latency['p50']:.2f} ± {latency['iqr'] / 2:.2f}"


def closeness(report: Json) -> Iterator[Table]:
    """Yield how close the result is to the dense model, before and after."""
    sides = (
        ("The result", report["fidelity"]),
        ("Before recovery", report.get("fidelity_before_recovery")),
        ("The dense model after the same steps", report.get("fidelity_control")),
    )
    rows = [
        [head, f"{each['cosine']:.4f}", f"{each['relative_error']:.4f}", words.count(each["samples"])]
        for head, each in sides
        if each
    ]
    source = SOURCES.get(report["fidelity"]["source"], report["fidelity"]["source"])
    notes = [f"Of the last hidden states, against the dense model's, on {source}."]
    yield Table("Closeness to the dense model", ("", "Cosine", "Relative error", "Samples"), rows, notes)


def layers(report: Json) -> Table | None:
    """Return the closeness of every layer; None where it was not measured."""
    rows = [
        [f"{each['layer']}, of the dense model's {each['of']}", *(f"{each[name]:.4f}" for name in LAYER_FIGURES)]
        for each in report["fidelity"].get("layers") or ()
    ]
    notes = [
        "Layers are counted from 0 at the bottom. CKA is 1 where the states differ by a rotation and a scale alone."
    ]
    return (
        Table("Closeness layer by layer", ("Layer", "Cosine", "CKA", "Relative error"), rows, notes) if rows else None
    )


def worth(report: Json) -> Iterator[Table]:
    """Yield what the probes found of one model as it is."""
    probes = report.get("quality") or ()
    rows = [[_probe(each), _score(each["score"]), words.count(each["score"]["samples"])] for each in probes]
    if rows:
        yield Table("What the output is worth", ("Probe", "Score", "Samples"), rows, _probing(probes))


def quality(report: Json) -> Iterator[Table]:
    """Yield what the probes found before and after."""
    probes = report.get("quality") or ()
    rows = [[_probe(each), *map(_score, map(each.get, PROBED))] for each in probes]
    if rows:
        head = ("Probe", "Dense", "Before recovery", "Compressed", "Dense after the same steps")
        yield Table("What the output is worth", head, rows, _probing(probes))


def _probe(each: Json) -> str:
    return f"{words.plain(each['probe'])}, {each['label']}: {words.plain(each['metric'])}, {each['better']} is better"


def _probing(probes: Sequence[Json]) -> list[str]:
    return list(dict.fromkeys(each["protocol"] for each in probes))


def _score(score: Json | None) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})" if score else words.NONE


def steps(report: Json) -> Table:
    """Return what each step was asked for and what it did."""
    rows = [
        [
            words.plain(step["technique"]),
            words.pairs(step["requested"]),
            words.pairs(_short(step["achieved"])),
            " ".join(step["notes"]) or words.NONE,
            words.duration(step["seconds"]),
        ]
        for step in report["steps"]
    ]
    head = ("Step", "Requested", "Achieved", "Notes", "Took")
    return Table("What was done", head, rows, numeric=False)


def _short(achieved: Mapping[str, Any]) -> Json:
    """Return what fits a cell: a list or an object by how much it holds; the report has all of it."""
    return {
        name: f"({len(each)} values)" if isinstance(each, list | tuple | Mapping) else each
        for name, each in achieved.items()
    }


def exports(report: Json) -> Iterator[Table]:
    """Yield the files for other runtimes."""
    rows = [
        [each["format"], each["path"], words.size(each["bytes_stored"]), f"{each['relative_error']:.2g}"]
        for each in report.get("exports") or ()
    ]
    if rows:
        yield Table("For other runtimes", ("Format", "File", "Size", "Relative error"), rows, numeric=False)


def modules(report: Json) -> Table:
    """Return what each module of a profile adds to its figures."""
    rows = [
        [
            each["path"] or "the model",
            each["type"],
            words.count(each["params_total"]),
            words.count(each["macs_executed"]),
            f"{each['latency_ms']:.3f}",
        ]
        for each in report["modules"]
    ]
    return Table("By module", ("Module", "Class", "Parameters", "MACs", "Wall-clock [ms]"), rows)


def interval(speedup: Json) -> str:
    """Return the ratio of a *speedup* with its interval."""
    return f"{speedup['ratio']:.2f}, 95 % interval {speedup['low']:.2f} to {speedup['high']:.2f}"
