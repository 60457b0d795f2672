from typing import Literal

DistillationLayersChosen = Literal["first", "spread"]

DISTILLATION_LAYERS_CHOSEN_VALUES: set[DistillationLayersChosen] = {
    "first",
    "spread",
}


def check_distillation_layers_chosen(value: str) -> DistillationLayersChosen:
    if value in DISTILLATION_LAYERS_CHOSEN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DISTILLATION_LAYERS_CHOSEN_VALUES!r}")
