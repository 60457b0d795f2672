from typing import Literal

GridTechnique = Literal["distillation", "ffn_pruning", "head_pruning", "low_rank", "weight_pruning"]

GRID_TECHNIQUE_VALUES: set[GridTechnique] = {
    "distillation",
    "ffn_pruning",
    "head_pruning",
    "low_rank",
    "weight_pruning",
}


def check_grid_technique(value: str) -> GridTechnique:
    if value in GRID_TECHNIQUE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {GRID_TECHNIQUE_VALUES!r}")
