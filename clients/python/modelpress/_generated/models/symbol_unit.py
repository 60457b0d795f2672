from typing import Literal

SymbolUnit = Literal["characters", "symbols"]

SYMBOL_UNIT_VALUES: set[SymbolUnit] = {
    "characters",
    "symbols",
}


def check_symbol_unit(value: str) -> SymbolUnit:
    if value in SYMBOL_UNIT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SYMBOL_UNIT_VALUES!r}")
