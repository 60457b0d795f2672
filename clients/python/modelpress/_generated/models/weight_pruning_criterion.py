from typing import Literal

WeightPruningCriterion = Literal["magnitude", "sparsegpt", "wanda"]

WEIGHT_PRUNING_CRITERION_VALUES: set[WeightPruningCriterion] = {
    "magnitude",
    "sparsegpt",
    "wanda",
}


def check_weight_pruning_criterion(value: str) -> WeightPruningCriterion:
    if value in WEIGHT_PRUNING_CRITERION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {WEIGHT_PRUNING_CRITERION_VALUES!r}")
