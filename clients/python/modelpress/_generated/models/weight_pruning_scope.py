from typing import Literal

WeightPruningScope = Literal["global", "layer"]

WEIGHT_PRUNING_SCOPE_VALUES: set[WeightPruningScope] = {
    "global",
    "layer",
}


def check_weight_pruning_scope(value: str) -> WeightPruningScope:
    if value in WEIGHT_PRUNING_SCOPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEIGHT_PRUNING_SCOPE_VALUES!r}")
