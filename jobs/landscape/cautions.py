"""What the figures of a landscape do not say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.contract.state import JobState
from jobs.landscape.outcome import PointOutcome
from jobs.landscape.wording import listed, named

Report = Mapping[str, Any]


def cautions(outcomes: Sequence[PointOutcome]) -> Iterator[str]:
    """Yield a sentence for each thing that could be read into the figures and is not in them."""
    reports = {each.name: each.report for each in outcomes if each.report is not None}
    yield from _missing(outcomes)
    yield from _sources(reports)
    yield from _machines(reports)
    yield from _own(reports)


def _missing(outcomes: Sequence[PointOutcome]) -> Iterator[str]:
    if waiting := sum(not each.state.terminal for each in outcomes):
        yield f"{waiting} of {len(outcomes)} points have not ended: what is said here may change."
    for state in (JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED):
        if names := [each.name for each in outcomes if each.state is state]:
            yield f"Without figures, {state.value}: {named(names)}."


def _sources(reports: Mapping[str, Report]) -> Iterator[str]:
    hashes = Counter(str(each["model"].get("sha256")) for each in reports.values())
    if len(hashes) > 1:
        counts = [f"{sha256[:12]} ({count} points)" for sha256, count in hashes.most_common()]
        yield f"The source changed between points, and they are not of one model: {listed(counts)}."


def _machines(reports: Mapping[str, Report]) -> Iterator[str]:
    timed = [each for report in reports.values() for each in report["compressed"]["inputs"] if each["latency_ms"]]
    devices = sorted({each["latency_ms"]["device"] for each in timed})
    if len(devices) > 1:
        yield f"Points were timed on {listed(devices)}: what is fast on one need not be on another."
    elif timed and any(each["environment"] != next(iter(reports.values()))["environment"] for each in reports.values()):
        yield "Points were timed on machines or with versions that differ: compare times relative to dense, not in ms."


def _own(reports: Mapping[str, Report]) -> Iterator[str]:
    """Yield the warnings that all points share, and name the points that have others."""
    warnings = {name: tuple(each["warnings"]) for name, each in reports.items()}
    shared = set.intersection(*map(set, warnings.values())) if warnings else set()
    yield from (text for text in next(iter(warnings.values()), ()) if text in shared)
    if others := [name for name, texts in warnings.items() if set(texts) - shared]:
        yield f"Read the warnings of {named(others)} too."
