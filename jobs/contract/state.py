"""What jobs there are, and their life: the states and the moves between them.

    queued ──► running ──► succeeded | failed | cancelled
       │  ▲        │
       │  └────────┘ (a lost attempt is queued again)
       ├──► cancelled | expired | failed
       └──► cancelling ◄── running ; cancelling ──► cancelled | succeeded | failed

A landscape runs without an attempt while its points do; when all have ended it is queued for one.

Terminal states are final: ``outcome.json`` is written create-only and nothing may follow it.
"""

from enum import StrEnum


class JobKind(StrEnum):
    """What a job is for."""

    COMPRESSION = "compression"
    PLAN = "plan"
    PROFILE = "profile"
    LANDSCAPE = "landscape"


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Return whether nothing can follow this state."""
        return not MOVES[self]


MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset(
        {JobState.RUNNING, JobState.CANCELLING, JobState.CANCELLED, JobState.EXPIRED, JobState.FAILED}
    ),
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.CANCELLING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.CANCELLING: frozenset({JobState.CANCELLED, JobState.SUCCEEDED, JobState.FAILED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.EXPIRED: frozenset(),
}
"""Which states may follow which."""


def may_follow(before: JobState, after: JobState) -> bool:
    """Return whether a job may move from *before* to *after*."""
    return after in MOVES[before]
