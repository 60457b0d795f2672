"""What is shown of a landscape: its points with their jobs, and what a reader without scripts gets for the charts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contract.state import JobState
from service.pages import words
from service.pages.jobs import State
from service.pages.tables import Table

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point and the job that makes it.

    Attributes:
        job: its id; None for the dense model, and before there is one.
        note: that it was there already, or why it has no figures.
    """

    name: str
    job: str | None
    state: State
    note: str


@dataclass(frozen=True, slots=True)
class LandscapePage:
    """A landscape as a page shows it.

    Attributes:
        said: how many points have ended.
        live: whether there is more to come.
        answers: which technique wins where, in sentences.
        tables: figures, fronts and how they were taken.
    """

    said: str
    live: bool
    points: Sequence[PointRow]
    answers: Sequence[str]
    warnings: Sequence[str]
    tables: Sequence[Table]


def page_of(report: Json) -> LandscapePage:
    """Return *report* as a page shows it."""
    points = [_point(each) for each in report["points"]]
    ended = sum(JobState(each["state"]).terminal for each in report["points"])
    return LandscapePage(
        said=f"{ended} of {len(points)} points have ended",
        live=not report["complete"],
        points=points,
        answers=report["answers"],
        warnings=report["warnings"],
        tables=list(_tables(report)),
    )


def _point(point: Json) -> PointRow:
    error = point["error"] or {}
    note = error.get("message") or ("measured for an earlier landscape" if point["reused"] else "")
    return PointRow(point["name"], point["job"], State.of(point["state"]), note)


def _tables(report: Json) -> Iterator[Table]:
    measures = report["measures"]
    if not measures:
        return
    head = ("Point", *(_title(each) for each in measures))
    rows = [[point["name"], *(_figure(point, each["name"]) for each in measures)] for point in report["points"]]
    yield Table("Figures", head, rows)
    titles = {each["name"]: each["title"] for each in measures}
    fronts = [_front(each, titles) for each in report["fronts"] if each["points"]]
    if fronts:
        notes = ["On a front, no other point is better in one of the two measures and as good in the other."]
        yield Table("Fronts", ("Of", "Points, from the cheapest", "Knee"), fronts, notes, numeric=False)
    protocols = [[each["title"], each["protocol"]] for each in measures]
    yield Table("How they were taken", ("Measure", "Protocol"), protocols, numeric=False)


def _title(measure: Json) -> str:
    return f"{measure['title']} [{measure['unit']}]" if measure["unit"] else str(measure["title"])


def _figure(point: Json, name: str) -> str:
    if name not in point["values"]:
        return words.NONE
    ends = point["intervals"].get(name)
    interval = f" ({words.number(ends[0])} to {words.number(ends[1])})" if ends else ""
    return words.number(point["values"][name]) + interval


def _front(front: Json, titles: Mapping[str, str]) -> list[str]:
    between = f"{titles[front['quality']]} against {titles[front['cost']]}"
    return [between, ", ".join(front["points"]), front["knee"] or words.NONE]
