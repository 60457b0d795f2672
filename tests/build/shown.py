"""The figures that the service shows to Prometheus."""

from jobs.telemetry.tally import COUNTERS, GAUGES
from service.metrics import OWN


def known() -> set[str]:
    """Return the name of every series that the service shows."""
    own = {sample for family in OWN.collect() for sample in series(family.name, family.type)}
    counted = {f"{each.name}_total" for each in COUNTERS} | {each.name for each in GAUGES}
    return own | counted | {"modelpress_redis_up"}


def series(name: str, kind: str) -> set[str]:
    """Return what a family is called when it is asked for."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {name + suffix for suffix in suffixes[kind]}
