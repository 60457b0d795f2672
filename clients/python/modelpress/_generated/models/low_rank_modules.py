from typing import Literal

LowRankModules = Literal["all", "attention", "feed_forward"]

LOW_RANK_MODULES_VALUES: set[LowRankModules] = {
    "all",
    "attention",
    "feed_forward",
}


def check_low_rank_modules(value: str) -> LowRankModules:
    if value in LOW_RANK_MODULES_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LOW_RANK_MODULES_VALUES!r}")
