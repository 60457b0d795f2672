from typing import Literal

JobKindFilter = Literal["compression", "landscape", "plan", "profile"]

JOB_KIND_FILTER_VALUES: set[JobKindFilter] = {
    "compression",
    "landscape",
    "plan",
    "profile",
}


def check_job_kind_filter(value: str) -> JobKindFilter:
    if value in JOB_KIND_FILTER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {JOB_KIND_FILTER_VALUES!r}")
