"""Gates: conditions on the figures of a report, ``speedup>=1.5``, that a pipeline makes its progress depend on.

A gate is met when everything the report has of the figure meets it: on each input that was measured, and over the whole
95 % interval where there is one. A figure that the report does not have meets nothing.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from modelpress import Report
from modelpress.command.amounts import number
from modelpress.command.figures import FIGURES, SCORE_PREFIX, Span, figure, is_known
from modelpress.command.vocabulary import unknown

_FORM = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(>=|<=|==|>|<)\s*(\S+)\s*")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one gate.

    Attributes:
        require: the gate as it was written.
        met: whether it is met.
        found: what the report has, in words.
    """

    require: str
    met: bool
    found: str

    def __str__(self) -> str:
        return f"{'Met' if self.met else 'Not met'}: {self.require} ({self.found})"


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition on a report."""

    text: str
    name: str
    comparison: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Gate":
        """Return the gate that *text* is; raises ``ValueError`` where its form or its figure is unknown."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"expected a figure, one of {' '.join(_COMPARISONS)}, and a number; got {text!r}")
        name, comparison, bound = found.groups()
        if not is_known(name):
            raise ValueError(unknown("figure", name, [*FIGURES, f"{SCORE_PREFIX}LABEL"]))
        return cls("".join(text.split()), name, comparison, number(bound))

    def judge(self, report: Report) -> Verdict:
        """Return whether *report* meets the gate."""
        spans = figure(report, self.name)
        if not spans:
            return Verdict(self.text, met=False, found=f"this report has no {self.name}{_why(report)}")
        return Verdict(self.text, all(map(self._holds, spans)), ", ".join(map(str, spans)))

    def _holds(self, span: Span) -> bool:
        compare = _COMPARISONS[self.comparison]
        return compare(span.low, self.bound) and compare(span.high, self.bound)


def judged(gates: Iterable[Gate], report: Report) -> list[Verdict]:
    """Return what becomes of the *gates* with *report*."""
    return [gate.judge(report) for gate in gates]


def _why(report: Report) -> str:
    if "exact" in report:
        return ": a plan measures neither times nor quality"
    if "points" in report:
        return ": a landscape has many models; ask for the report of one of its points"
    return ""
