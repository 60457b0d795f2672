from typing import Literal

TargetScope = Literal["encoder", "model"]

TARGET_SCOPE_VALUES: set[TargetScope] = {
    "encoder",
    "model",
}


def check_target_scope(value: str) -> TargetScope:
    if value in TARGET_SCOPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {TARGET_SCOPE_VALUES!r}")
