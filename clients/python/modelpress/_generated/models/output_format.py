from typing import Literal

OutputFormat = Literal["onnx", "onnx_int8", "pt2", "safetensors"]

OUTPUT_FORMAT_VALUES: set[OutputFormat] = {
    "onnx",
    "onnx_int8",
    "pt2",
    "safetensors",
}


def check_output_format(value: str) -> OutputFormat:
    if value in OUTPUT_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {OUTPUT_FORMAT_VALUES!r}")
