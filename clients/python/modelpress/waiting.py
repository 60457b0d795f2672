"""How long to wait for a job: until the caller's own timeout, and through outages of the network."""

import time

from modelpress.errors import ModelPressError, WaitTimeoutError
from modelpress.retrying import Retry, is_passing

SHORTEST_S = 0.05
LONG_POLL_S = 20.0
EVENT_POLL_S = 2.0
PAUSE_S = 1.0
OUTAGE_LIMIT_S = 900.0
SILENCE_S = 45.0
"""A stream that says nothing for so long is broken: the service speaks three times as often."""


class Patience:
    """Keeps the time of one wait.

    A service that cannot be reached is asked again, ever less often, until the timeout, or for a quarter of an hour
    without one good answer: then the last failure is raised.
    """

    def __init__(self, timeout_s: float | None, retry: Retry) -> None:
        self._timeout_s = timeout_s
        self._retry = retry
        self._begun = self._answered = self._asked = time.monotonic()
        self._failures = 0

    def ask(self, *, eager: bool = False) -> float:
        """Note that a question goes out now; return how long the service may hold the answer back [s].

        Who is *eager* asks more often.
        """
        self._asked = time.monotonic()
        return min(EVENT_POLL_S if eager else LONG_POLL_S, self._left_s())

    def listen(self) -> float:
        """Note that a stream is opened now; return how long it may be silent [s]."""
        self._asked = time.monotonic()
        return max(SHORTEST_S, min(SILENCE_S, self._left_s()))

    def answered(self) -> None:
        """Note a good answer."""
        self._failures = 0
        self._answered = time.monotonic()

    def failed(self, error: ModelPressError) -> float:
        """Return how long to sleep before the next try [s].

        Raises:
            ModelPressError: *error* itself, where it will not pass or the outage is too long.
        """
        self._failures += 1
        if not is_passing(error) or time.monotonic() - self._answered > OUTAGE_LIMIT_S:
            raise error
        return min(self._retry.delay_s(self._failures, error), self._left_s())

    def pause_s(self) -> float:
        """Return how long to sleep where the service answered at once instead of holding the answer back [s]."""
        early_s = self._asked + PAUSE_S - time.monotonic()
        return max(0.0, min(early_s, self._left_s()))

    @property
    def is_over(self) -> bool:
        """Return whether the time is up."""
        return self._left_s() <= 0

    def check(self, job: str) -> None:
        """Raise ``WaitTimeoutError`` if the time is up; *job* says in a few words how things stand."""
        if self.is_over:
            raise WaitTimeoutError(f"{job} after {self._timeout_s} s. The job goes on: wait again, or cancel it.")

    def _left_s(self) -> float:
        if self._timeout_s is None:
            return float("inf")
        return max(0.0, self._begun + self._timeout_s - time.monotonic())
