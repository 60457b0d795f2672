from typing import Literal

TargetMetric = Literal["bytes", "latency", "macs", "params"]

TARGET_METRIC_VALUES: set[TargetMetric] = {
    "bytes",
    "latency",
    "macs",
    "params",
}


def check_target_metric(value: str) -> TargetMetric:
    if value in TARGET_METRIC_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TARGET_METRIC_VALUES!r}")
