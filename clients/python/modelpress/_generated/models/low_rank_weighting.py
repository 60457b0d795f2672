from typing import Literal

LowRankWeighting = Literal["activation", "fisher", "none"]

LOW_RANK_WEIGHTING_VALUES: set[LowRankWeighting] = {
    "activation",
    "fisher",
    "none",
}


def check_low_rank_weighting(value: str) -> LowRankWeighting:
    if value in LOW_RANK_WEIGHTING_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOW_RANK_WEIGHTING_VALUES!r}")
