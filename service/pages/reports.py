"""What is shown of a report: tables and sentences, whichever kind of job it is of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contract.loading import Way, ways
from jobs.contract.report import PLAN_SCHEMA, PROFILE_SCHEMA, REPORT_SCHEMA
from service.pages import figures, words
from service.pages.tables import Table

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A report as a page shows it.

    Attributes:
        lead: the outcome in a few sentences.
        warnings: what the figures do not say.
        tables: the figures.
        details: figures of every layer or module; None where there are none.
        ways: how to open the result.
        facts: environment and time spent.
    """

    lead: Sequence[str]
    warnings: Sequence[str]
    tables: Sequence[Table]
    details: Table | None
    ways: Sequence[Way]
    facts: Sequence[tuple[str, str]]


def page_of(report: Json | None) -> ReportPage | None:
    """Return *report* as a page shows it; None without one, and for a kind that has a page of its own."""
    if report is None:
        return None
    pages = {REPORT_SCHEMA: _compression, PLAN_SCHEMA: _plan, PROFILE_SCHEMA: _profile}
    return pages[report["schema"]](report) if report["schema"] in pages else None


def _compression(report: Json) -> ReportPage:
    return ReportPage(
        lead=[_kept(report), *_verdicts(report)],
        warnings=report["warnings"],
        tables=[
            figures.before_after(report),
            *figures.runtimes(report),
            *figures.closeness(report),
            *figures.quality(report),
            figures.steps(report),
            *figures.exports(report),
        ],
        details=figures.layers(report),
        ways=ways(report["door"], report.get("opens_with", "AutoModel")),
        facts=_facts(report),
    )


def _plan(report: Json) -> ReportPage:
    exact = "The compression would give these very figures." if report["exact"] else "The compression may differ."
    return ReportPage(
        lead=[_kept(report), exact],
        warnings=report["warnings"],
        tables=[figures.before_after(report), figures.steps(report)],
        details=None,
        ways=(),
        facts=_facts(report),
    )


def _profile(report: Json) -> ReportPage:
    return ReportPage(
        lead=[f"{words.count(report['profile']['params_total'])} parameters."],
        warnings=report["warnings"],
        tables=[
            figures.as_it_is(report),
            *figures.runtimes(report),
            *figures.worth(report),
        ],
        details=figures.modules(report),
        ways=(),
        facts=_facts(report),
    )


def _kept(report: Json) -> str:
    dense, compressed = report["dense"]["params_total"], report["compressed"]["params_total"]
    return f"{words.count(compressed)} of {words.count(dense)} parameters are left."


def _verdicts(report: Json) -> Iterator[str]:
    for each in report["speedup"]:
        yield _verdict(each, words.length(each["input"]))
    for each in report.get("runtimes") or ():
        yield _verdict(each["speedup"], f"{words.length(each['input'])}, under {each['runtime']}")


def _verdict(speedup: Json, where: str) -> str:
    """Return what *speedup* shows: that the result is faster, that it is slower, or neither."""
    ratio = f"dense over compressed {figures.interval(speedup)}"
    if not speedup["conclusive"]:
        return f"No difference in time was shown on {where}: {ratio}."
    return f"{'Faster' if speedup['ratio'] > 1 else 'Slower'} on {where}: {ratio}."


def _facts(report: Json) -> list[tuple[str, str]]:
    model, environment = report["model"], report["environment"]
    return [
        ("Model", words.pairs({name: each for name, each in model.items() if each})),
        ("Measured with", words.pairs(environment)),
        ("Time spent", "; ".join(f"{words.plain(name)} {words.duration(s)}" for name, s in report["seconds"].items())),
    ]
