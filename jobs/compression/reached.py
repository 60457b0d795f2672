"""What a step has reached in each layer, put together to what it has reached in the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contract.errors import NothingChangedError
from jobs.contract.report import StepReport
from jobs.contract.spec import Step


@dataclass(frozen=True, slots=True)
class Part:
    """What came of a step in one layer, or in one map of it.

    Attributes:
        achieved: the amounts reached.
        notes: what a reader of the report should know.
        size: how much of what the step takes from was there.
        changed: whether it did anything, or was asked for nothing.
        seconds: how long it took.
    """

    achieved: Mapping[str, Any]
    notes: tuple[str, ...]
    size: int
    changed: bool
    seconds: float


def together(step: Step, found: Sequence[Part]) -> StepReport:
    """Return what came of *step* in all layers: lists one after the other, counts as sums, shares of all there was.

    Raises:
        NothingChangedError: no part was changed.
    """
    if not any(each.changed for each in found):
        raise nothing_changed(step)
    names = found[0].achieved
    achieved = {name: _joined([each.achieved[name] for each in found], [each.size for each in found]) for name in names}
    notes = tuple(dict.fromkeys(note for each in found for note in each.notes))
    return StepReport(step.technique, dict(step.params), achieved, notes, sum(each.seconds for each in found))


def _joined(values: Sequence[Any], sizes: Sequence[int]) -> Any:
    match values[0]:
        case list():
            return [entry for each in values for entry in each]
        case dict():
            return {name: entry for each in values for name, entry in each.items()}
        case float():
            return sum(value * size for value, size in zip(values, sizes, strict=True)) / sum(sizes)
        case int():
            return sum(values)
        case _:
            return values[0]


def nothing_changed(step: Step) -> NothingChangedError:
    """Return the error that *step* has changed nothing anywhere."""
    return NothingChangedError(
        f"{step.technique} left the model as it was: it is already that small. Asked for: {dict(step.params)}."
    )
