"""What is known of a landscape's point while it is drawn: the job that makes it, and what that job said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.contract.landscape import Control
from jobs.contract.state import JobState

DENSE = "dense"
"""The name and series of the dense model."""

SAME_STEPS: Control = "same_steps"
"""The name and series of the dense model after the steps of the recovery."""

FIRST_LAYERS: Control = "first_layers"
"""The series of the first layers of the dense model, as they are."""


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
