from typing import Literal

FfnPruningScope = Literal["global", "layer"]

FFN_PRUNING_SCOPE_VALUES: set[FfnPruningScope] = {
    "global",
    "layer",
}


def check_ffn_pruning_scope(value: str) -> FfnPruningScope:
    if value in FFN_PRUNING_SCOPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FFN_PRUNING_SCOPE_VALUES!r}")
