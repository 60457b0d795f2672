from typing import Literal

QuantizationDtype = Literal["bfloat16", "float16", "int8", "int8_dynamic"]

QUANTIZATION_DTYPE_VALUES: set[QuantizationDtype] = {
    "bfloat16",
    "float16",
    "int8",
    "int8_dynamic",
}


def check_quantization_dtype(value: str) -> QuantizationDtype:
    if value in QUANTIZATION_DTYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {QUANTIZATION_DTYPE_VALUES!r}")
