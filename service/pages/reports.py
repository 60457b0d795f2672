"""What is shown of a report: tables and sentences, whichever kind of job it is of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contract.loading import Way, ways
from jobs.contract.report import PLAN_SCHEMA, PROFILE_SCHEMA, REPORT_SCHEMA
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
SOURCES = {
    "held_out": "data of yours that no step has seen",
    "calibration": "the data that the steps learned from",
    "synthetic": "random inputs, which say little about quality",
}


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A report as a page shows it.

    Attributes:
        lead: the outcome in a few sentences.
        warnings: what the figures do not say.
        tables: the figures.
        modules: where they come from, long; empty unless a profile.
        ways: how to open the result.
        facts: environment and time spent.
    """

    lead: Sequence[str]
    warnings: Sequence[str]
    tables: Sequence[Table]
    modules: Table | None
    ways: Sequence[Way]
    facts: Sequence[tuple[str, str]]


def page_of(report: Json) -> ReportPage | None:
    """Return *report* as a page shows it; None for a kind that has a page of its own."""
    pages = {REPORT_SCHEMA: _compression, PLAN_SCHEMA: _plan, PROFILE_SCHEMA: _profile}
    return pages[report["schema"]](report) if report["schema"] in pages else None


def _compression(report: Json) -> ReportPage:
    return ReportPage(
        lead=[_kept(report), *(_speedup(each) for each in report["speedup"])],
        warnings=report["warnings"],
        tables=[_before_after(report), *_closeness(report), *_quality(report), _steps(report), *_exports(report)],
        modules=None,
        ways=ways(report["door"], report.get("opens_with", "AutoModel")),
        facts=_facts(report),
    )


def _plan(report: Json) -> ReportPage:
    exact = "The compression would give these very figures." if report["exact"] else "The compression may differ."
    return ReportPage(
        lead=[_kept(report), exact],
        warnings=report["warnings"],
        tables=[_before_after(report), _steps(report)],
        modules=None,
        ways=(),
        facts=_facts(report),
    )


def _profile(report: Json) -> ReportPage:
    profile = report["profile"]
    rows = [[each.head, each.said] for each in _figures(profile)]
    return ReportPage(
        lead=[f"{words.count(profile['params_total'])} parameters."],
        warnings=report["warnings"],
        tables=[Table("The model as it is", ("Figure", "Measured"), rows, _protocols(profile))],
        modules=_modules(report),
        ways=(),
        facts=_facts(report),
    )


def _kept(report: Json) -> str:
    dense, compressed = report["dense"]["params_total"], report["compressed"]["params_total"]
    return f"{words.count(compressed)} of {words.count(dense)} parameters are left."


def _speedup(each: Json) -> str:
    where = words.length(each["input"])
    interval = f"95 % interval {each['low']:.2f} to {each['high']:.2f}"
    if not each["conclusive"]:
        return f"No difference in time was shown on {where}: dense over compressed {each['ratio']:.2f}, {interval}."
    faster = "Faster" if each["ratio"] > 1 else "Slower"
    return f"{faster} on {where}: dense over compressed {each['ratio']:.2f}, {interval}."


def _before_after(report: Json) -> Table:
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
        said = f"{latency['p50']:.2f} ± {latency['iqr'] / 2:.2f}"
        yield _Figure(f"Wall-clock [ms], {on}", latency["p50"], said)
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


def _closeness(report: Json) -> Iterator[Table]:
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


def _quality(report: Json) -> Iterator[Table]:
    probes = report.get("quality") or ()
    rows = [
        [f"{words.plain(each['probe'])} of {each['label']}: {words.plain(each['metric'])}", *_scores(each)]
        for each in probes
    ]
    if rows:
        head = ("Probe", "Dense", "Before recovery", "Compressed", "Dense after the same steps")
        notes = [f"{each['label']}: {each['better']} is better. {each['protocol']}" for each in probes]
        yield Table("What the output is worth", head, rows, list(dict.fromkeys(notes)))


def _scores(probe: Json) -> Iterator[str]:
    for name in ("dense", "before_recovery", "compressed", "control"):
        score = probe.get(name)
        yield f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})" if score else words.NONE


def _steps(report: Json) -> Table:
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


def _exports(report: Json) -> Iterator[Table]:
    rows = [
        [each["format"], each["path"], words.size(each["bytes_stored"]), f"{each['relative_error']:.2g}"]
        for each in report.get("exports") or ()
    ]
    if rows:
        yield Table("For other runtimes", ("Format", "File", "Size", "Relative error"), rows, numeric=False)


def _modules(report: Json) -> Table:
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


def _facts(report: Json) -> list[tuple[str, str]]:
    model, environment = report["model"], report["environment"]
    return [
        ("Model", words.pairs({name: each for name, each in model.items() if each})),
        ("Measured with", words.pairs(environment)),
        ("Time spent", "; ".join(f"{words.plain(name)} {words.duration(s)}" for name, s in report["seconds"].items())),
    ]
