"""Attention that has lost heads, where the stock class would need all of them.

Some families hand every layer what belongs to all heads of the original model: a table of position biases that is
stored once, or the place of a head in the hidden states. A layer that has lost heads takes its own from there, so that
it must know which they were. Its module gets the class made here, a subclass of the stock one; nothing else about it
changes, and it is copied, pickled and exported like any other.

This file needs torch and transformers only. It lies, the same byte for byte, beside the weights of every artifact and
in the client.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

TABLES = ("relative_position_bias_table", "gru_rel_pos_const", "pos_bias_u", "pos_bias_v")
"""Parameters with an entry for each head."""


class SomeHeads(nn.Module):
    """Mixed into a stock class.

    Attributes:
        kept_heads: which heads of the original model are left, in the order in which this module has them.
    """

    stock: ClassVar[type[nn.Module]]
    kept_heads: list[int]

    def own(self, shared: Tensor) -> Tensor:
        """Return (B, K, …), what belongs to the heads that are left, of *shared* (B, H, …)."""
        return shared[:, self.kept_heads]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Return how to copy and to pickle the module: its class has no name to be imported by."""
        return _empty, (self.stock,), self.__dict__


class _MPNetSelfAttention(SomeHeads):
    def forward(self, hidden_states: Tensor, attention_mask: Any, position_bias: Tensor, **rest: Any) -> Any:
        """Return what the stock class does, with the own heads' biases of the encoder's table."""
        return super().forward(hidden_states, attention_mask, self.own(position_bias), **rest)


class _BeitLayer(SomeHeads):
    def forward(self, hidden_states: Tensor, attention_mask: Tensor, **rest: Any) -> Any:
        """Return what the stock class does, with the own heads' biases of the model's table, which are in the mask."""
        return super().forward(hidden_states, self.own(attention_mask), **rest)


class _Data2VecVisionSelfAttention(SomeHeads):
    def forward(self, hidden_states: Tensor, weights: bool, relative_position_bias: Tensor, *rest: Any) -> Any:
        """Return what the stock class does, with the own heads' biases of the encoder's table."""
        return super().forward(hidden_states, weights, self.own(relative_position_bias), *rest)


class _T5Attention(SomeHeads):
    compute_bias: Callable[..., Tensor]

    def forward(
        self, hidden_states: Tensor, mask: Tensor | None = None, *, position_bias: Tensor | None = None, **rest: Any
    ) -> Any:
        """Return what the stock class does; the first layer makes the biases of all heads, and each takes its own."""
        length = hidden_states.shape[1]
        if position_bias is None:
            position_bias = self.compute_bias(length, length, device=hidden_states.device)
        biases = self.own(position_bias)
        output, _, weights = super().forward(hidden_states, mask, position_bias=biases, **rest)
        return output, position_bias, weights


class _WavLMAttention(SomeHeads):
    """Differs from the stock class: calls its projections, which may be of any size, instead of reading their weights.

    The attention weights that it returns are each head's own; the stock class returns their mean for every head.
    """

    head_dim: int
    scaling: float
    dropout: float
    q_proj: nn.Module
    k_proj: nn.Module
    v_proj: nn.Module
    out_proj: nn.Module
    gru_rel_pos_linear: nn.Module
    gru_rel_pos_const: nn.Parameter
    compute_bias: Callable[[int, int], Tensor]

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_bias: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the output (B, T, D), the attention weights (B, K, T, T) and the biases of all heads (B·H, T, T)."""
        batch, length, _width = hidden_states.shape
        if position_bias is None:
            position_bias = self.compute_bias(length, length).repeat(batch, 1, 1)
        biases = self.own(position_bias.view(batch, -1, length, length)) * self._gate(hidden_states)
        if attention_mask is not None:
            biases = biases.masked_fill(attention_mask.ne(1)[:, None, None, :], float("-inf"))
        query, key, value = (
            projection(hidden_states).view(batch, length, -1, self.head_dim).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) * self.scaling + biases, dim=-1)
        context = nn.functional.dropout(weights, self.dropout, self.training) @ value
        return self.out_proj(context.transpose(1, 2).reshape(batch, length, -1)), weights, position_bias

    def _gate(self, hidden_states: Tensor) -> Tensor:
        """Return (B, K, T, 1), the gate of each head's bias, from the head's part of the unprojected hidden states."""
        batch, length, _ = hidden_states.shape
        parts = self.own(hidden_states.view(batch, length, -1, self.head_dim).transpose(1, 2))
        shares = self.gru_rel_pos_linear(parts).view(*parts.shape[:-1], 2, 4).sum(-1)
        reset, update = torch.sigmoid(shares).chunk(2, dim=-1)
        return reset * (update * self.gru_rel_pos_const - 1) + 2


_KINDS: Mapping[str, type[SomeHeads]] = {
    "BeitLayer": _BeitLayer,
    "Data2VecVisionSdpaSelfAttention": _Data2VecVisionSelfAttention,
    "Data2VecVisionSelfAttention": _Data2VecVisionSelfAttention,
    "MPNetSelfAttention": _MPNetSelfAttention,
    "MT5Attention": _T5Attention,
    "T5Attention": _T5Attention,
    "WavLMAttention": _WavLMAttention,
}
"""By stock class, what is mixed into it."""


def keep_heads(module: Any, heads: Sequence[int]) -> None:
    """Let *module* work with only the *heads* of those it has."""
    before = heads_kept(module)
    kept = list(heads) if before is None else [before[head] for head in heads]
    stock: Any = type(module)
    module.__class__ = _class(stock)
    module.kept_heads = kept


def release(module: Any) -> None:
    """Give *module*, which has all its heads, its stock class back."""
    if heads_kept(module) is not None:
        module.__class__ = module.stock
        del module.kept_heads


def heads_kept(module: nn.Module) -> list[int] | None:
    """Return which heads of the original model *module* works with; None says that it has its stock class."""
    return list(module.kept_heads) if isinstance(module, SomeHeads) else None


def replay_heads(plan: Mapping[str, Any], base: nn.Module) -> None:
    """Give *base*, a fresh stock model without head, the heads and the tables of *plan*.

    Raises:
        ValueError: the plan names a module, a head or a size that this model cannot have.
    """
    config: Any = getattr(base, "config", None)
    for path, kept in plan.get("heads", {}).items():
        module, heads = base.get_submodule(path), range(config.num_attention_heads)
        if type(module).__name__ not in _KINDS or not _some_of(heads, kept):
            raise ValueError(f"The plan can keep some of {len(heads)} heads of an attention; got {path} = {kept!r}.")
        keep_heads(module, kept)
    for path, shape in plan.get("tables", {}).items():
        owner, _, name = path.rpartition(".")
        old = getattr(base.get_submodule(owner), name, None) if name in TABLES else None
        if not isinstance(old, nn.Parameter) or not _smaller(shape, old.shape):
            raise ValueError(f"The plan can only make tables of heads smaller; got {path} = {shape!r}.")
        setattr(base.get_submodule(owner), name, nn.Parameter(old.new_empty(shape), old.requires_grad))


def _some_of(heads: range, kept: Any) -> bool:
    listed = isinstance(kept, list) and all(type(head) is int for head in kept)
    return listed and 0 < len(kept) == len(set(kept)) and set(kept) <= set(heads)


def _smaller(shape: Any, most: Sequence[int]) -> bool:
    if not isinstance(shape, list) or len(shape) != len(most):
        return False
    return all(type(size) is int and 0 < size <= limit for size, limit in zip(shape, most, strict=True))


@cache
def _class(stock: Any) -> Any:
    if issubclass(stock, SomeHeads):
        return stock
    return type(stock.__name__, (_KINDS[stock.__name__], stock), {"__module__": __name__, "stock": stock})


def _empty(stock: Any) -> Any:
    """Return a module without content, to copy one into."""
    kind = _class(stock)
    return kind.__new__(kind)
