"""What Prometheus sees: this service's own calls, and what workers and janitor have counted in Redis.

gunicorn's processes count together, in files of a folder that ``service.serving`` makes; whichever of them is asked
answers for all.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from jobs.contract.errors import QueueError
from jobs.telemetry.tally import COUNTERS, GAUGES, Counted, Metric
from service.ports import Tally
from service.settings import shared_counters

WRITERS = ("janitor", "courier")
"""Those who write gauges."""
UNKNOWN = "none"
"""The route of a call that fits no address: what callers make up must not become labels."""
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_COUNTERS_MAX = 4096

OWN = CollectorRegistry()
REQUESTS = Counter("modelpress_http_requests", "Calls answered", ("method", "route", "status"), registry=OWN)
SECONDS = Histogram(
    "modelpress_http_request_seconds",
    "Time until the answer began",
    ("method", "route"),
    buckets=_BUCKETS_S,
    registry=OWN,
)
IN_PROGRESS = Gauge(
    "modelpress_http_requests_in_progress", "Calls being answered", registry=OWN, multiprocess_mode="livesum"
)


def observe(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a call that was answered."""
    answered, took = _counters(method, route or UNKNOWN, str(status))
    answered.inc()
    took.observe(seconds)


@lru_cache(maxsize=_COUNTERS_MAX)
def _counters(method: str, route: str, status: str) -> tuple[Counter, Histogram]:
    """Return what counts such calls: found once, for finding them costs as much as counting."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


def exposition(tally: Tally) -> bytes:
    """Return everything in Prometheus's text format."""
    told = CollectorRegistry()
    told.register(TallyCollector(tally))
    return generate_latest(_own()) + generate_latest(told)


class TallyCollector(Collector):
    """Turns a tally into Prometheus's families, and says whether Redis could be asked."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def describe(self) -> list[Family]:
        """Return nothing: Redis is asked only when somebody scrapes."""
        return []

    def collect(self) -> Iterator[Family]:
        """Yield a family for each metric that has a value."""
        try:
            counters = list(self._tally.counters())
            gauges = [each for writer in WRITERS for each in self._tally.gauges(writer)]
        except QueueError:
            yield GaugeMetricFamily("modelpress_redis_up", "Whether Redis answers", 0)
            return
        yield GaugeMetricFamily("modelpress_redis_up", "Whether Redis answers", 1)
        yield from _families(COUNTERS, counters, CounterMetricFamily)
        yield from _families(GAUGES, gauges, GaugeMetricFamily)


def _families(
    metrics: tuple[Metric, ...], found: list[Counted], make: Callable[..., CounterMetricFamily | GaugeMetricFamily]
) -> Iterator[Family]:
    for metric in metrics:
        values = [each for each in found if each.metric == metric]
        if values:
            family = make(metric.name, metric.about, labels=metric.labels)
            for each in values:
                family.add_metric(each.labels, each.value)
            yield family


def _own() -> CollectorRegistry:
    if shared_counters() is None:
        return OWN
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
