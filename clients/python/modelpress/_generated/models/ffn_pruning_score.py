from typing import Literal

FfnPruningScore = Literal["fisher", "l1", "obs", "taylor"]

FFN_PRUNING_SCORE_VALUES: set[FfnPruningScore] = {
    "fisher",
    "l1",
    "obs",
    "taylor",
}


def check_ffn_pruning_score(value: str) -> FfnPruningScore:
    if value in FFN_PRUNING_SCORE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FFN_PRUNING_SCORE_VALUES!r}")
