from typing import Literal

Storage = Literal["bitmask", "dense"]

STORAGE_VALUES: set[Storage] = {
    "bitmask",
    "dense",
}


def check_storage(value: str) -> Storage:
    if value in STORAGE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {STORAGE_VALUES!r}")
