"""From what a caller asks of a landscape to its points: one compression request each, named and drawn with a series.

Pure JSON in and out, so that the service, the workers and the janitor agree on every point without talking.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, TypeAlias

from jobs.contract.spec import Json, canonical_json, sha256_hex

SHARED = ("model", "data", "recovery", "profile", "evaluate", "limits")
"""What every point's request has as the landscape's has it."""

FIRST_LAYERS = "first_layers"
TARGET = "target"


@dataclass(frozen=True, slots=True)
class Point:
    """One compression of a landscape.

    Attributes:
        name: says which; no other point of the landscape has it.
        series: what it is drawn with.
        request: what a caller who wanted this point alone would send.
    """

    name: str
    series: str
    request: Json

    @property
    def key(self) -> str:
        """Return what identifies the result, whoever asks: a hash of all in the request but how long it may take."""
        wanted = {name: value for name, value in self.request.items() if name != "limits"}
        return sha256_hex(canonical_json(wanted))


Step: TypeAlias = Json
Maker: TypeAlias = Callable[[float, bool], Step]
"""From the share that goes, and whether there is data, to the parameters of a technique."""


def _distilled(removed: float, has_data: bool) -> Step:
    return {"layers_removed": removed} | ({} if has_data else {"steps": 0})


AMOUNTS: Mapping[str, Maker] = {
    "head_pruning": lambda removed, _: {"heads_removed": removed},
    "ffn_pruning": lambda removed, _: {"units_removed": removed},
    "low_rank": lambda removed, has_data: (
        {"rank_ratio": _rest(removed)} | ({"weighting": "activation"} if has_data else {})
    ),
    "weight_pruning": lambda removed, has_data: (
        {"sparsity": removed} | ({"criterion": "sparsegpt"} if has_data else {})
    ),
    "distillation": _distilled,
}
"""Techniques that a grid can ask for by the share that goes, each as it does best with data and without."""


def points_of(document: Mapping[str, Any]) -> tuple[Point, ...]:
    """Return the points of the landscape that *document* asks for, in the order in which it names them."""
    shared = {name: document[name] for name in SHARED if name in document}
    asked = [*_from_grid(document, has_data="data" in document), *_explicit(document), *_first_layers(document)]
    named = _distinct([each.get("name") or _name(each) for each in asked])
    points = [
        Point(name, each.get("series") or _series(each), _request(each, shared))
        for name, each in zip(named, asked, strict=True)
    ]
    return tuple(_with_control(points) if _controls(document).get("same_steps") else points)


def _from_grid(document: Mapping[str, Any], *, has_data: bool) -> Iterator[Json]:
    grid = document.get("grid") or {}
    for technique in grid.get("techniques", ()):
        for removed in grid["removed"]:
            yield {"steps": [{"technique": technique, **AMOUNTS[technique](removed, has_data)}]}
    for metric in grid.get("targets", ()):
        for removed in grid["removed"]:
            yield {"target": {"metric": metric, "ratio": _rest(removed), "scope": "encoder"}}


def _explicit(document: Mapping[str, Any]) -> Sequence[Json]:
    points: Sequence[Json] = document.get("points") or ()
    return points


def _first_layers(document: Mapping[str, Any]) -> Iterator[Json]:
    for removed in _controls(document).get(FIRST_LAYERS, ()):
        step = {"technique": "distillation", "layers_removed": removed, "layers_chosen": "first", "steps": 0}
        name = f"{FIRST_LAYERS} layers_removed={_value(removed)}"
        yield {"series": FIRST_LAYERS, "name": name, "recovered": False, "steps": [step]}


def _controls(document: Mapping[str, Any]) -> Json:
    return document.get("controls") or {}


def _with_control(points: Sequence[Point]) -> list[Point]:
    """Return *points*, the first of which also puts the dense model through the steps of the recovery."""
    first = next(point for point in points if "recovery" in point.request)
    recovery = {**first.request["recovery"], "control": True}
    controlled = replace(first, request={**first.request, "recovery": recovery})
    return [controlled if point is first else point for point in points]


def _request(point: Json, shared: Json) -> Json:
    """Return what a caller would send for *point* alone; the first layers are held against the rest as they are."""
    work = {name: point[name] for name in ("steps", TARGET) if name in point}
    recovered = point.get("recovered", True)
    return {name: value for name, value in shared.items() if name != "recovery" or recovered} | work


def _series(point: Json) -> str:
    if TARGET in point:
        return f"{TARGET}_{point[TARGET]['metric']}"
    return " + ".join(dict.fromkeys(step["technique"] for step in point["steps"]))


def _name(point: Json) -> str:
    """Return what *point* asks for in a few words."""
    if TARGET in point:
        return f"{TARGET} {_values(point[TARGET])}"
    return " + ".join(f"{step['technique']} {_values(step)}".rstrip() for step in point["steps"])


def _values(asked: Json) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in asked.items() if name != "technique")


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_value(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return *names*, those that came before with a number behind them."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in count(2))
        found.append(next(each for each in chain((name,), numbered) if each not in found))
    return found


def _rest(removed: float) -> float:
    """Return what stays, without the noise of binary fractions: 1 - 0.9 is 0.1."""
    return round(1 - removed, 9)
