from typing import Literal

HeadPruningScore = Literal["l1"]

HEAD_PRUNING_SCORE_VALUES: set[HeadPruningScore] = {
    "l1",
}


def check_head_pruning_score(value: str) -> HeadPruningScore:
    if value in HEAD_PRUNING_SCORE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {HEAD_PRUNING_SCORE_VALUES!r}")
