"""Store and compute in fewer bits a number.

bfloat16 and float16 halve the file; on processors that compute in them, bfloat16 also halves the time. int8 rounds the
weights of the encoder's linear maps to 8 bits, with a scale for each output; int8_dynamic also rounds what flows into
them, with a scale for each position. The result opens in plain transformers; int8 needs torchao installed beside it.

It is always the last step, after recovery; everything before computes in float32.

Source: torchao, arXiv:2507.16099; LLM.int8, arXiv:2208.07339 (scales by output and by position)

Differs: embeddings, front ends, norms and heads keep their type.

Cost: one pass over the weights; no data.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from torch import nn
from torchao import quantization
from transformers import PreTrainedModel, TorchAoConfig
from transformers.quantizers.auto import AutoHfQuantizer

from jobs.checkpoint.precision import store_as
from jobs.compression.schema import Schema
from jobs.compression.technique import Context, Outcome, Params, technique
from jobs.contract.errors import NotApplicableError

Number = Literal["bfloat16", "float16", "int8", "int8_dynamic"]
_FLOATS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Quantization(Params):
    """Which type of number."""

    dtype: Annotated[
        Number, Schema("What weights are stored and computed in; with int8 only those of the encoder's linear maps.")
    ]


@technique(Quantization, is_last=True)
def compress(model: PreTrainedModel, params: Quantization, ctx: Context) -> Outcome:
    """Return *model* in the number format.

    Raises:
        NotApplicableError: float16 cannot hold a weight, or the encoder has no plain linear map to round.
    """
    if params.dtype in _FLOATS:
        store_as(model, _FLOATS[params.dtype])
        achieved: dict[str, Any] = {"dtype": params.dtype}
    else:
        achieved = {"dtype": params.dtype, "maps": _round(model, ctx.anatomy.encoder(model), params.dtype)}
    ctx.progress(1, 1)
    return Outcome(model, achieved)


def _round(model: PreTrainedModel, encoder: nn.Module, dtype: Number) -> int:
    """Round the weights of every linear map of *encoder*, tell the config so, and return how many there are."""
    maps = {module for module in encoder.modules() if isinstance(module, nn.Linear)}
    if not maps:
        raise NotApplicableError(
            "Expected plain linear maps in the encoder to round to 8 bits; this model has none. Choose bfloat16, or "
            "ask for the output format onnx_int8."
        )
    kind = quantization.Int8WeightOnlyConfig if dtype == "int8" else quantization.Int8DynamicActivationInt8WeightConfig
    scheme = kind(set_inductor_config=False)  # settings of a compiler, which is not used here
    left = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and module not in maps]
    quantization.quantize_(model, scheme, filter_fn=lambda module, _: module in maps)
    model.config.quantization_config = TorchAoConfig(scheme, modules_to_not_convert=left or None)
    model.hf_quantizer = AutoHfQuantizer.from_config(model.config.quantization_config, pre_quantized=False)
    return len(maps)
