"""Fused and transposed maps, opened into plain ones for the time of a step, and closed again.

Some architectures keep query, key and value in one matrix, or a gate beside the map it gates, or their matrices the
other way round. Opened, each is a ``Linear`` of its own, fused ones in a small module that puts their outputs one after
the other. Closed, they are what the architecture has, or where a part has become two factors a ``FusedLinear``. Weights
come back bit for bit; outputs may be rounded differently in between.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from jobs.checkpoint.modelpress_attention import heads_kept, keep_heads, release
from jobs.checkpoint.modelpress_layers import FactorisedLinear, FusedLinear
from jobs.compression.family import Family
from jobs.contract.errors import UnsupportedModelError

Part: TypeAlias = nn.Linear | FactorisedLinear
M = TypeVar("M", bound=nn.Module)


class OpenedLinear(nn.Module):
    """Several maps of one input, by name; gives their outputs one after the other."""

    def parts(self) -> list[Part]:
        """Return the maps as they are now."""
        return [cast("Part", part) for part in self.children()]

    def forward(self, x: Float[Tensor, "B T I"]) -> Float[Tensor, "B T O"]:
        """Return (…, sum of outputs) for x (…, inputs)."""
        return torch.cat([part(x) for part in self.parts()], dim=-1)


@contextmanager
def opened(layers: Iterable[nn.Module], family: Family) -> Iterator[None]:
    """Run the block with the fused and transposed maps of *layers* opened; where they are open, leave them so."""
    closed = [layer for layer in layers if not _is_open(layer, family)]
    for layer in closed:
        _open(layer, family)
    try:
        yield
    finally:
        for layer in closed:
            _close(layer, family)


@contextmanager
def without_cache(config: Any) -> Iterator[None]:
    """Run the block with a model of *config* keeping no keys and values, which a layer run again would add to."""
    known = hasattr(config, "use_cache")
    before = getattr(config, "use_cache", False)
    config.use_cache = False
    try:
        yield
    finally:
        config.use_cache = before
        if not known:
            del config.use_cache


def _is_open(layer: nn.Module, family: Family) -> bool:
    apart = all(isinstance(layer.get_submodule(path), OpenedLinear) for path in family.fused)
    return apart and all(heads_kept(layer.get_submodule(path)) is not None for path in family.reads_weights)


def _open(layer: nn.Module, family: Family) -> None:
    for path in family.reads_weights:
        attention: Any = layer.get_submodule(path)
        keep_heads(attention, range(attention.num_heads))
    for path, names in family.fused.items():
        layer.set_submodule(path, _apart(layer.get_submodule(path), names))
    for path in family.transposed:
        layer.set_submodule(path, _upright(layer.get_submodule(path)))


def _close(layer: nn.Module, family: Family) -> None:
    for path in family.reads_weights:
        attention: Any = layer.get_submodule(path)
        dense = not any(isinstance(part, FactorisedLinear) for part in attention.modules())
        if dense and heads_kept(attention) == list(range(attention.num_heads)):
            release(attention)
    for path in family.fused:
        together = _together(cast("OpenedLinear", layer.get_submodule(path)))
        layer.set_submodule(path, _turned(together) if family.transposed else together)
    for path in family.transposed:
        layer.set_submodule(path, _turned(layer.get_submodule(path)))


def _apart(fused: nn.Module, names: Sequence[str]) -> OpenedLinear:
    opened = OpenedLinear()
    for name, part in zip(names, _parts(_upright(fused), len(names)), strict=True):
        opened.add_module(name, _like(fused, part))
    return opened


def _parts(whole: nn.Module, count: int) -> Iterator[Part]:
    """Yield the parts of a fused map; those of a dense one are of equal size."""
    if not isinstance(whole, nn.Linear | FusedLinear):
        raise UnsupportedModelError(f"Expected a fused linear map of {count} parts; got {type(whole).__name__}.")
    sizes = whole.parts if isinstance(whole, FusedLinear) else ((whole.out_features // count, None),) * count
    weights = torch.split(whole.weight.detach(), [rank or outputs for outputs, rank in sizes])
    biases = (
        [None] * count if whole.bias is None else torch.split(whole.bias.detach(), [outputs for outputs, _ in sizes])
    )
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        up = whole.ups.get(str(index)) if isinstance(whole, FusedLinear) else None
        yield _linear(weight, bias) if up is None else FactorisedLinear.from_factors(weight, up.detach(), bias)


def _together(opened: OpenedLinear) -> nn.Linear | FusedLinear:
    """Return the parts as one map, dense if all of them are."""
    first, *_ = parts = opened.parts()
    weight = torch.cat([part.weight.detach() for part in parts])
    bias = None if first.bias is None else torch.cat([cast("Tensor", part.bias).detach() for part in parts])
    ups = {str(index): part.up.detach() for index, part in enumerate(parts) if isinstance(part, FactorisedLinear)}
    if not ups:
        return _like(first, _linear(weight, bias))
    ranks = [(part.out_features, part.rank if isinstance(part, FactorisedLinear) else None) for part in parts]
    fused = FusedLinear(first.in_features, ranks, bias is not None, device="meta")
    state = {"weight": weight, **{f"ups.{name}": up for name, up in ups.items()}}
    fused.load_state_dict(state | ({} if bias is None else {"bias": bias}), assign=True)
    return _like(first, fused)


def _upright(module: nn.Module) -> nn.Module:
    """Return a ``Conv1D`` as a ``Linear``; any other module as it is."""
    if not isinstance(module, Conv1D):
        return module
    return _like(module, _linear(module.weight.detach().T.contiguous(), module.bias.detach()))


def _turned(module: nn.Module) -> nn.Module:
    """Return a ``Linear`` as a ``Conv1D``; any other module as it is."""
    if not isinstance(module, nn.Linear):
        return module
    with torch.device("meta"):
        conv = Conv1D(module.out_features, module.in_features)
    conv.weight = nn.Parameter(module.weight.detach().T.contiguous())
    conv.bias = nn.Parameter(module.bias.detach())
    turned: nn.Module = _like(module, conv)
    return turned


def _linear(weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"] | None) -> nn.Linear:
    outputs, inputs = weight.shape
    linear = nn.Linear(inputs, outputs, bias=bias is not None, device="meta")
    linear.weight = nn.Parameter(weight)
    linear.bias = None if bias is None else nn.Parameter(bias)  # type: ignore[assignment]
    return linear


def _like(old: nn.Module, new: M) -> M:
    learns = old.get_parameter("weight").requires_grad
    return new.train(old.training).requires_grad_(learns)
