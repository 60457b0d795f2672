from typing import Literal

ProbeLayer = Literal["last", "weighted"]

PROBE_LAYER_VALUES: set[ProbeLayer] = {
    "last",
    "weighted",
}


def check_probe_layer(value: str) -> ProbeLayer:
    if value in PROBE_LAYER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROBE_LAYER_VALUES!r}")
