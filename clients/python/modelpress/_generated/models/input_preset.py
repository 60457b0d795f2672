from typing import Literal

InputPreset = Literal["superb"]

INPUT_PRESET_VALUES: set[InputPreset] = {
    "superb",
}


def check_input_preset(value: str) -> InputPreset:
    if value in INPUT_PRESET_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {INPUT_PRESET_VALUES!r}")
