"""How long the stores may take to answer, for each kind of asker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits and tries.

    Attributes:
        connect_s: for a connection to the object store [s].
        read_s: for each answer of it [s].
        tries: how often it is asked in all.
        redis_s: for a connection to Redis, and for each answer [s].
    """

    connect_s: float
    read_s: float
    tries: int
    redis_s: float


WORKING = Patience(connect_s=10, read_s=60, tries=5, redis_s=5)
"""Of a job, which has more time than anybody."""

SERVING = Patience(connect_s=2, read_s=8, tries=2, redis_s=2)
"""Of a request: a store that hangs must not keep every thread of the service busy for long."""

PROBING = Patience(connect_s=1, read_s=1, tries=1, redis_s=1)
"""Of a readiness probe, whose asker gives up after a few seconds."""
