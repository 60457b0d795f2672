"""The verbs that change a model's structure; each is exact, so a cut model equals the masked one.

Every verb works in place through live slots, on dense and on factorised maps alike, and keeps device, dtype and
``requires_grad``. No hooks, no wrappers: what is left is an ordinary, smaller module.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.parts import Attention, FeedForward, Linear, Slot


def drop_heads(attention: Attention, keep: Int[Tensor, " K"]) -> None:
    """Leave only the heads in *keep*, with all that hangs on them.

    query, key, value: (H·s, D) -> (K·s, D), biases (H·s,) -> (K·s,); output: (D, H·s) -> (D, K·s), with s the map's
    ``attention.span``. Exact when the dropped heads' columns of output are zero.
    """
    for slot in attention.inward:
        slot.put(_with_outputs(slot.linear, _spread(keep, attention.span(slot))))
    attention.output.put(_with_inputs(attention.output.linear, _spread(keep, attention.span(attention.output))))
    for companion in attention.companions:
        companion.keep(keep)


def drop_units(feed_forward: FeedForward, keep: Int[Tensor, " K"]) -> None:
    """Leave only the hidden units in *keep*.

    up and gate: (F, D) -> (K, D), bias (F,) -> (K,); down: (D, F) -> (D, K). Exact when the dropped units' columns of
    down are zero.
    """
    for slot in feed_forward.inward:
        slot.put(_with_outputs(slot.linear, keep))
    feed_forward.down.put(_with_inputs(feed_forward.down.linear, keep))


def drop_layers(stack: nn.ModuleList, keep: Sequence[int]) -> None:
    """Leave only the layers in *keep*, in their order; layers that count themselves count anew.

    What only the first layer has, as a table of biases for all of them, goes to the layer that is the first then.
    """
    _hand_down(stack[0], stack[min(keep)])
    for index in sorted(set(range(len(stack))) - set(keep), reverse=True):
        del stack[index]
    for index, layer in enumerate(stack):
        for module in layer.modules():
            if "layer_idx" in vars(module):
                vars(module)["layer_idx"] = index


def factorise(slot: Slot, down: Float[Tensor, "R I"], up: Float[Tensor, "O R"]) -> None:
    """Put the product of two factors in the place of a dense map; the bias stays. Exact when ``up @ down`` is."""
    dense = slot.linear
    slot.put(_like(dense, FactorisedLinear.from_factors(down.to(dense.weight), up.to(dense.weight), dense.bias)))


def mask(parameter: nn.Parameter, drop: Bool[Tensor, "..."]) -> None:
    """Set the entries in *drop* to zero; shapes and the sizes on disk stay as they are."""
    with torch.no_grad():
        parameter.masked_fill_(drop, 0)


def _hand_down(first: nn.Module, heir: nn.Module) -> None:
    there = dict(heir.named_modules())
    for path, module in first.named_modules():
        owner, _, name = path.rpartition(".")
        if path not in there and owner in there:
            setattr(there[owner], name, module)
            for flag, value in vars(first.get_submodule(owner)).items():
                if type(value) is bool:
                    setattr(there[owner], flag, value)


def _spread(keep: Int[Tensor, " K"], span: int) -> Int[Tensor, " _"]:
    """Return the indices of the *span* neighbours that belong to each unit in *keep*."""
    return (keep[:, None] * span + torch.arange(span, device=keep.device)).flatten()


def _with_outputs(linear: Linear, keep: Int[Tensor, " K"]) -> Linear:
    bias = None if linear.bias is None else linear.bias.detach()[keep]
    if isinstance(linear, FactorisedLinear):
        return _like(linear, FactorisedLinear.from_factors(linear.weight.detach(), linear.up.detach()[keep], bias))
    return _like(linear, _dense(linear.weight.detach()[keep], bias))


def _with_inputs(linear: Linear, keep: Int[Tensor, " K"]) -> Linear:
    weight, bias = linear.weight.detach()[:, keep], None if linear.bias is None else linear.bias.detach()
    if isinstance(linear, FactorisedLinear):
        return _like(linear, FactorisedLinear.from_factors(weight, linear.up.detach(), bias))
    return _like(linear, _dense(weight, bias))


def _dense(weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"] | None) -> nn.Linear:
    outputs, inputs = weight.shape
    linear = nn.Linear(inputs, outputs, bias=bias is not None, device="meta")  # no storage, no random numbers
    linear.weight = nn.Parameter(weight)
    if bias is not None:
        linear.bias = nn.Parameter(bias)
    return linear


def _like(old: Linear, new: Linear) -> Linear:
    return new.train(old.training).requires_grad_(old.weight.requires_grad)
