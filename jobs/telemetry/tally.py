"""What operators count, kept in Redis: by workers, which fork and come and go, and read by whoever is scraped.

Counters only grow, and start again at zero with an empty Redis, as Prometheus expects of counters; gauges are written
whole, by one writer each, and lapse when it is silent. Telling is never in the way of the work: what Redis does not
take is not counted.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis import Redis

from jobs.contract.errors import QueueError
from jobs.state.events import redis_errors

_COUNTERS = "modelpress:tally:counters"
_GAUGES = "modelpress:tally:gauges:"
log = logging.getLogger("modelpress.tally")


@dataclass(frozen=True, slots=True)
class Metric:
    """Something to count.

    Attributes:
        name: as Prometheus shall see it, without ``_total``.
        about: what it says.
        labels: what it is told apart by.
    """

    name: str
    about: str
    labels: tuple[str, ...] = ()


class Counted(NamedTuple):
    """One value of a metric, with the values of its labels."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


ATTEMPTS = Metric("modelpress_attempts", "Attempts that ended", ("kind", "outcome"))
WORK_SECONDS = Metric("modelpress_work_seconds", "Wall-clock time that workers spent on jobs", ("tenant", "kind"))
FAILURES = Metric("modelpress_attempt_failures", "Attempts that failed, by error and stage", ("code", "stage"))
WEBHOOK_TRIES = Metric("modelpress_webhook_tries", "Tries to deliver a webhook", ("outcome",))
COUNTERS = (ATTEMPTS, WORK_SECONDS, FAILURES, WEBHOOK_TRIES)

OPEN_JOBS = Metric("modelpress_open_jobs", "Jobs that have not ended", ("kind", "state"))
QUEUE_AGE_SECONDS = Metric("modelpress_queue_age_seconds", "How long the job has waited that waits longest")
LEASE_LEFT_SECONDS = Metric(
    "modelpress_lease_left_seconds", "When the first lease of a running job lapses; below zero: no worker is heard of"
)
ROUND_SECONDS = Metric("modelpress_janitor_round_seconds", "How long the janitor's last round took")
ROUND_AT_SECONDS = Metric("modelpress_janitor_round_timestamp_seconds", "When the janitor's last round ended")
WEBHOOK_LAG_SECONDS = Metric("modelpress_webhook_lag_seconds", "For how long the try is due that is due longest")
GAUGES = (OPEN_JOBS, QUEUE_AGE_SECONDS, LEASE_LEFT_SECONDS, ROUND_SECONDS, ROUND_AT_SECONDS, WEBHOOK_LAG_SECONDS)


class Tally:
    """Counters and gauges.

    Args:
        redis: a client that decodes its responses.
        metrics: those that are known, by default all; what Redis holds of others is not read.
    """

    def __init__(self, redis: "Redis", metrics: Iterable[Metric] = (*COUNTERS, *GAUGES)) -> None:
        self._redis = redis
        self._metrics = {each.name: each for each in metrics}

    def add(self, metric: Metric, *labels: str, amount: float = 1) -> None:
        """Count *amount* more."""
        try:
            with redis_errors():
                self._redis.hincrbyfloat(_COUNTERS, _field(metric, labels), amount)
        except QueueError as error:
            log.warning("%s was not counted: %s", metric.name, error)

    def show(self, writer: str, values: Iterable[Counted], *, lapses_s: float) -> None:
        """Replace all gauges of *writer*; they lapse after *lapses_s* seconds."""
        fields: dict[Any, Any] = {_field(metric, labels): value for metric, labels, value in values}
        try:
            with redis_errors(), self._redis.pipeline() as pipeline:
                pipeline.delete(_GAUGES + writer)
                if fields:
                    pipeline.hset(_GAUGES + writer, mapping=fields)
                    pipeline.pexpire(_GAUGES + writer, int(lapses_s * 1000))
                pipeline.execute()
        except QueueError as error:
            log.warning("The gauges of the %s were not written: %s", writer, error)

    def counters(self) -> Iterator[Counted]:
        """Yield all counters.

        Raises:
            QueueError: Redis failed.
        """
        return self._read(_COUNTERS)

    def gauges(self, writer: str) -> Iterator[Counted]:
        """Yield the gauges of *writer*, none once they have lapsed.

        Raises:
            QueueError: Redis failed.
        """
        return self._read(_GAUGES + writer)

    def _read(self, key: str) -> Iterator[Counted]:
        with redis_errors():
            found: Any = self._redis.hgetall(key)
        for text, value in sorted(found.items()):
            name, *labels = json.loads(text)
            metric = self._metrics.get(name)
            if metric is not None and len(labels) == len(metric.labels):
                yield Counted(metric, tuple(labels), float(value))


def _field(metric: Metric, labels: tuple[str, ...]) -> str:
    if len(labels) != len(metric.labels):
        raise ValueError(f"{metric.name} is told apart by {metric.labels}; got {labels}.")
    return json.dumps([metric.name, *labels])
