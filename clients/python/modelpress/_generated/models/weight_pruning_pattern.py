from typing import Literal

WeightPruningPattern = Literal["2:4", "block", "unstructured"]

WEIGHT_PRUNING_PATTERN_VALUES: set[WeightPruningPattern] = {
    "2:4",
    "block",
    "unstructured",
}


def check_weight_pruning_pattern(value: str) -> WeightPruningPattern:
    if value in WEIGHT_PRUNING_PATTERN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEIGHT_PRUNING_PATTERN_VALUES!r}")
