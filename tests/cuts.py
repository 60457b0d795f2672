"""Small cuts into tiny models, made by hand: what a compressed model can look like, whatever technique made it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.checkpoint.modelpress_layers import FactorisedLinear


@dataclass(frozen=True, slots=True)
class Names:
    """Where one family keeps its parts: the stack from the base model, the rest from a layer."""

    stack: str
    inputs: tuple[str, str, str]
    output: str
    up: str
    down: str
    depth: str = "num_hidden_layers"
    width: str = "intermediate_size"


_BERT = Names(
    "encoder.layer",
    ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
_PROJECTIONS = ("attention.q_proj", "attention.k_proj", "attention.v_proj")
_SPEECH = Names(
    "encoder.layers",
    _PROJECTIONS,
    "attention.out_proj",
    "feed_forward.intermediate_dense",
    "feed_forward.output_dense",
)
NAMES: Mapping[str, Names] = {
    "bert": _BERT,
    "distilbert": Names(
        "transformer.layer",
        ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
        "attention.out_lin",
        "ffn.lin1",
        "ffn.lin2",
        depth="n_layers",
        width="hidden_dim",
    ),
    "hubert": _SPEECH,
    "wav2vec2": _SPEECH,
    "melhubert": _SPEECH,
    "vit": Names("layers", _PROJECTIONS, "attention.o_proj", "mlp.fc1", "mlp.fc2"),
}


def uneven_heads(model: PreTrainedModel) -> None:
    """Keep another number of heads in each layer."""
    for layer, heads in zip(_layers(model), ((0, 2, 3), (1, 3)), strict=True):
        _keep_heads(model, layer, heads)


def uneven_units(model: PreTrainedModel) -> None:
    """Keep another number of feed-forward units in each layer."""
    for layer, units in zip(_layers(model), (44, 22), strict=True):
        _keep_units(model, layer, range(units))


def factorised(model: PreTrainedModel) -> None:
    """Store one feed-forward matrix and one attention matrix as two thin factors."""
    names, layers = _names(model), _layers(model)
    for layer, path, rank in ((layers[0], names.inputs[0], 5), (layers[1], names.up, 9)):
        layer.set_submodule(path, _factorised(layer.get_submodule(path), rank))


def combined(model: PreTrainedModel) -> None:
    """Cut heads and units, factorise what is left, and set some weights to zero."""
    uneven_heads(model)
    uneven_units(model)
    factorised(model)
    zeros(model)


def fewer_layers(model: PreTrainedModel) -> None:
    """Drop the first layer."""
    names, (_, last) = _names(model), _layers(model)
    model.base_model.set_submodule(names.stack, nn.ModuleList([last]))
    setattr(model.config, names.depth, 1)


def even_units(model: PreTrainedModel) -> None:
    """Keep the same number of feed-forward units in every layer."""
    for layer in _layers(model):
        _keep_units(model, layer, range(40))
    setattr(model.config, _names(model).width, 40)


def zeros(model: PreTrainedModel) -> None:
    """Set the small weights of every second feed-forward matrix to zero."""
    for layer in _layers(model):
        weight = layer.get_submodule(_names(model).down).weight
        with torch.no_grad():
            weight[weight.abs() < weight.abs().median()] = 0


STRUCTURAL: Mapping[str, Callable[[PreTrainedModel], None]] = {
    cut.__name__: cut for cut in (uneven_heads, uneven_units, factorised, combined)
}
NATIVE: Mapping[str, Callable[[PreTrainedModel], None]] = {
    cut.__name__: cut for cut in (fewer_layers, even_units, zeros)
}
CUTS = {**STRUCTURAL, **NATIVE}
PACKED: Mapping[str, Callable[[PreTrainedModel], None]] = {"packed": zeros, "packed_combined": combined}
"""What is written with storage bitmask: alone, and with every other change."""


def _names(model: PreTrainedModel) -> Names:
    return NAMES[model.config.model_type]


def _layers(model: PreTrainedModel) -> nn.ModuleList:
    layers = model.base_model.get_submodule(_names(model).stack)
    if not isinstance(layers, nn.ModuleList):
        raise TypeError(f"Expected a list of layers; got {type(layers).__name__}.")
    return layers


def _keep_heads(model: PreTrainedModel, layer: nn.Module, heads: Sequence[int]) -> None:
    size = model.config.hidden_size // model.config.num_attention_heads
    rows = [head * size + i for head in heads for i in range(size)]
    for path in _names(model).inputs:
        layer.set_submodule(path, _sliced(layer.get_submodule(path), rows, axis=0))
    path = _names(model).output
    layer.set_submodule(path, _sliced(layer.get_submodule(path), rows, axis=1))


def _keep_units(model: PreTrainedModel, layer: nn.Module, units: Sequence[int]) -> None:
    names = _names(model)
    layer.set_submodule(names.up, _sliced(layer.get_submodule(names.up), list(units), axis=0))
    layer.set_submodule(names.down, _sliced(layer.get_submodule(names.down), list(units), axis=1))


def _sliced(old: nn.Module, keep: list[int], *, axis: int) -> nn.Linear:
    weight = old.weight.detach().index_select(axis, torch.tensor(keep))
    new = nn.Linear(weight.shape[1], weight.shape[0])
    new.weight = nn.Parameter(weight.contiguous())
    new.bias = nn.Parameter(old.bias.detach()[keep] if axis == 0 else old.bias.detach())
    return new


def _factorised(old: nn.Module, rank: int) -> FactorisedLinear:
    left, values, right = torch.linalg.svd(old.weight.detach(), full_matrices=False)
    return FactorisedLinear.from_factors(values[:rank, None] * right[:rank], left[:, :rank], old.bias.detach())
