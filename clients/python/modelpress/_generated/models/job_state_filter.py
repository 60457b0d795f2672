from typing import Literal

JobStateFilter = Literal["cancelled", "cancelling", "expired", "failed", "queued", "running", "succeeded"]

JOB_STATE_FILTER_VALUES: set[JobStateFilter] = {
    "cancelled",
    "cancelling",
    "expired",
    "failed",
    "queued",
    "running",
    "succeeded",
}


def check_job_state_filter(value: str) -> JobStateFilter:
    if value in JOB_STATE_FILTER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {JOB_STATE_FILTER_VALUES!r}")
