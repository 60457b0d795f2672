from typing import Literal

LowRankAllocation = Literal["error", "uniform"]

LOW_RANK_ALLOCATION_VALUES: set[LowRankAllocation] = {
    "error",
    "uniform",
}


def check_low_rank_allocation(value: str) -> LowRankAllocation:
    if value in LOW_RANK_ALLOCATION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOW_RANK_ALLOCATION_VALUES!r}")
