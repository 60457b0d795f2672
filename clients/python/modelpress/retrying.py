"""When to try again, and after how long."""

import random
from dataclasses import dataclass

from modelpress.errors import ApiError, ModelPressError, NetworkError, StorageError

RETRIED = frozenset({429, 502, 503, 504})
IN_FLIGHT = "request_in_flight"  # the code of a problem: an earlier try is being answered


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently to try again.

    Attributes:
        tries: calls in all, the first included.
        first_delay_s: upper bound of the wait before the second try [s]; it doubles from try to try.
        longest_delay_s: upper bound of every wait [s], also of what ``Retry-After`` may ask for.
    """

    tries: int = 5
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0

    def delay_s(self, failures: int, error: ModelPressError) -> float:
        """Return the wait after the *failures*-th failure in a row, which was *error* [s]."""
        bound = min(self.longest_delay_s, self.first_delay_s * 2.0 ** min(failures - 1, 30))
        jittered = bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out, guards nothing
        asked = error.retry_after_s if isinstance(error, ApiError) else 0.0
        return max(jittered, min(asked, self.longest_delay_s))

    def gives_up(self, failures: int, error: ModelPressError) -> bool:
        """Return whether the *failures*-th failure in a row, which was *error*, is the last."""
        return failures >= self.tries or not is_passing(error)


def is_passing(error: ModelPressError) -> bool:
    """Return whether *error* is of the kind that goes away by itself."""
    if isinstance(error, ApiError) and error.code == IN_FLIGHT:
        return True
    if isinstance(error, ApiError | StorageError):
        return error.status in RETRIED
    return isinstance(error, NetworkError)
