from typing import Literal

HeadPruningScore = Literal["fisher", "l1", "obs", "taylor"]

HEAD_PRUNING_SCORE_VALUES: set[HeadPruningScore] = {
    "fisher",
    "l1",
    "obs",
    "taylor",
}


def check_head_pruning_score(value: str) -> HeadPruningScore:
    if value in HEAD_PRUNING_SCORE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {HEAD_PRUNING_SCORE_VALUES!r}")
