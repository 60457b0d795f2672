"""Multiply-accumulate operations (MACs) of one forward pass: a table from operation to formula, with a conscience.

1 MAC is one fused multiply-add of a matrix-like operation (product, convolution, attention); element-wise work,
normalisation, softmax and reductions count zero. Attention is counted whole, masked and causal positions included,
as dense kernels compute it. An operation that is in no table is not guessed at: it is listed in ``uncounted_ops``.

Source: the closed forms of the operations themselves; the table with an honest remainder follows fvcore's.
Differs from the common counters in that fused attention has a row for every kernel, so that a model gives the same
number under ``sdpa`` and ``eager``.
Cost: one forward pass, and none of its arithmetic on the meta device.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from jobs.batches import Batch, inference, suited

Formula: TypeAlias = Callable[[Sequence[Any], Tensor], int]
"""From an operation's arguments and its (first) output to MACs."""


@dataclass(frozen=True, slots=True)
class MacCount:
    """What one forward pass of a whole batch multiplies.

    Attributes:
        executed: MACs that dense kernels carry out.
        theoretical: the same without products with a zero that is stored in a weight; on the meta device, where
            values are unknown, equal to *executed*.
        uncounted_ops: operations with no formula, and how often they ran; empty when the count is complete.
    """

    executed: int
    theoretical: int
    uncounted_ops: Mapping[str, int] = field(default_factory=dict)


def count_macs(model: nn.Module, *batches: Batch) -> MacCount:
    """Return the MACs of ``model(**batch)`` over all *batches*, run once each, on its own device, meta included."""
    with inference(model), MacCounter(model) as counter:
        for batch in batches:
            model(**suited(batch, model))
    return MacCount(counter.executed, counter.theoretical, dict(sorted(counter.uncounted.items())))


def _product(left: int) -> Formula:
    """Return the formula of a matrix product whose left factor is argument *left*: (…, M, K) by (…, K, N)."""

    def formula(arguments: Sequence[Any], output: Tensor) -> int:
        return output.numel() * int(arguments[left].shape[-1])

    return formula


def _dot(arguments: Sequence[Any], _output: Tensor) -> int:
    return int(arguments[0].numel())


def _convolution(arguments: Sequence[Any], output: Tensor) -> int:
    """Each output, (or each input of a transposed convolution,) meets one filter of ``weight.shape[1:]``."""
    signal, weight, transposed = arguments[0], arguments[1], arguments[6]
    positions = signal if transposed else output
    return int(positions.numel() * prod(weight.shape[1:]))


def _attention(arguments: Sequence[Any], _output: Tensor) -> int:
    """Scores and their weighted sum: B × H × Tq × Tk × (Dqk + Dv), for query (B, H, Tq, Dqk) and value (…, Tk, Dv)."""
    query, _, value = arguments[:3]
    return int(query.shape[:-1].numel() * value.shape[-2] * (query.shape[-1] + value.shape[-1]))


FORMULAS: Mapping[str, Formula] = {
    "aten.mm": _product(0),
    "aten._int_mm": _product(0),
    "aten.addmm": _product(1),
    "aten.bmm": _product(0),
    "aten.baddbmm": _product(1),
    "aten.linear": _product(0),
    "aten.mv": _product(0),
    "aten.addmv": _product(1),
    "aten.dot": _dot,
    "aten.convolution": _convolution,
    "aten._scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten._scaled_dot_product_flash_attention": _attention,
    "aten._scaled_dot_product_efficient_attention": _attention,
    "aten._scaled_dot_product_cudnn_attention": _attention,
    "aten._scaled_dot_product_fused_attention_overrideable": _attention,
    "aten._scaled_dot_product_attention_math_for_mps": _attention,
}
"""Operation to MACs; the mathematical form of attention arrives as two ``bmm``."""

_FREE = """
    moving and making:
    _reshape_alias _to_copy _unsafe_view arange bernoulli bernoulli_ cat clone constant_pad_nd copy_ embedding fill_
    flip full_like gather index index_put index_put_ index_select lift_fresh masked_scatter new_empty new_full
    new_ones new_zeros nonzero ones_like rand_like randn_like repeat repeat_interleave roll scatter slice_scatter stack
    tril triu zero_ zeros_like

    transforming, in N log N:
    _fft_r2c

    normalising and reducing:
    _adaptive_avg_pool2d _log_softmax _native_batch_norm_legit_no_training _safe_softmax _softmax
    _weight_norm_interface adaptive_max_pool2d argmax argmin avg_pool2d bucketize cummax cumsum glu linalg_vector_norm
    max max_pool2d_with_indices mean min native_batch_norm native_dropout native_group_norm native_layer_norm
    searchsorted sort std sum topk upsample_bicubic2d upsample_bilinear2d upsample_nearest2d var var_mean
"""

FREE: frozenset[str] = frozenset(f"aten.{word}" for word in _FREE.split() if not word.endswith(":"))
"""Operations that multiply no matrices, beyond those that torch itself tags as pointwise, reduction or view."""


class MacCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation of a forward pass, below autograd, after decomposition.

    Attributes:
        executed: MACs so far, as dense kernels carry them out.
        theoretical: the same without products with a stored zero.
        uncounted: operations so far that have no formula.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.executed = 0
        self.theoretical = 0
        self.uncounted: Counter[str] = Counter()
        self._weights = {_storage(parameter) for parameter in model.parameters()}

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = str(func.overloadpacket)
        self._weights |= {_storage(each) for each in args if isinstance(each, nn.Parameter)}  # some come when needed
        if name not in FORMULAS:
            with self:
                output = func.decompose(*args, **(kwargs or {}))
            if output is not NotImplemented:
                return output  # its parts have been counted
        output = func(*args, **(kwargs or {}))
        self._count(func, name, args, output)
        return output

    def _count(self, func: torch._ops.OpOverload, name: str, args: Sequence[Any], output: Any) -> None:
        tensors = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        formula = FORMULAS.get(name)
        if formula is not None:
            macs = formula(args, tensors[0])
            self.executed += macs
            self.theoretical += self._without_zeros(macs, args)
        elif tensors and not _is_free(func, name, args):
            self.uncounted[name] += 1

    def _without_zeros(self, macs: int, args: Sequence[Any]) -> int:
        """Return *macs* scaled by the non-zero share of the weight among *args*, if there is one.

        In every formula each element of a weight meets the same number of partners, so the result is exact.
        """
        for weight in reversed(args):
            if isinstance(weight, Tensor) and weight.ndim > 1 and not weight.is_meta and self._is_weight(weight):
                return macs * int(weight.count_nonzero()) // weight.numel()
        return macs

    def _is_weight(self, tensor: Tensor) -> bool:
        return _storage(tensor) in self._weights


def _is_free(func: torch._ops.OpOverload, name: str, args: Sequence[Any]) -> bool:
    tagged = torch.Tag.pointwise in func.tags or torch.Tag.reduction in func.tags
    made = not any(isinstance(leaf, Tensor) for leaf in tree_leaves(args))
    return tagged or func.is_view or made or name in FREE


def _storage(tensor: Tensor) -> StorageWeakRef:
    """Return what a tensor shares with its views and with nothing else, on any device; held, it is never given anew."""
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
