from typing import Literal

HeadPruningScope = Literal["global", "layer"]

HEAD_PRUNING_SCOPE_VALUES: set[HeadPruningScope] = {
    "global",
    "layer",
}


def check_head_pruning_scope(value: str) -> HeadPruningScope:
    if value in HEAD_PRUNING_SCOPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {HEAD_PRUNING_SCOPE_VALUES!r}")
