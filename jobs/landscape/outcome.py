"""What is known of a landscape's point while it is drawn: the job that makes it, and what that job said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.contract.state import JobState


@dataclass(frozen=True, slots=True)
class PointOutcome:
    """A point that was asked for, and how far it has come.

    Attributes:
        name: says which; no other point has it.
        series: what it is drawn with.
        job: the compression that makes it; None while there is none.
        state: of that job.
        reused: whether an earlier landscape had asked for the same.
        report: what the job published, as JSON; None unless it succeeded.
        error: code and message where it failed.
    """

    name: str
    series: str
    job: str | None
    state: JobState
    reused: bool = False
    report: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
