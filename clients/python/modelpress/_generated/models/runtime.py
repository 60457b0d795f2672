from typing import Literal

Runtime = Literal["eager", "onnxruntime", "torch_compile"]

RUNTIME_VALUES: set[Runtime] = {
    "eager",
    "onnxruntime",
    "torch_compile",
}


def check_runtime(value: str) -> Runtime:
    if value in RUNTIME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUNTIME_VALUES!r}")
