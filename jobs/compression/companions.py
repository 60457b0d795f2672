"""What hangs on the heads of an attention beside its four maps, one row each: counts, tables, and choices.

A row says where a thing is, by its path from a layer; bound to a layer it is a ``Companion`` of that layer's attention,
and goes with the heads that go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jaxtyping import Int
from torch import Tensor, arange, nn

from jobs.checkpoint.modelpress_attention import keep_heads


class Companion(Protocol):
    """What hangs on the heads of an attention beside its four maps, such as a table of biases or a count."""

    def keep(self, indices: Int[Tensor, " K"]) -> None:
        """Leave only what belongs to the units *indices*, in their order."""


class Row(Protocol):
    """A kind of thing that hangs on heads."""

    def present(self, base: nn.Module, layer: nn.Module) -> bool:
        """Return whether this *layer* of the model *base* has it."""

    def keep(self, layer: nn.Module, heads: Int[Tensor, " K"], head_dim: int) -> None:
        """Leave only what belongs to *heads*."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number that the code reads: of heads, or with *wide* of their outputs together."""

    path: str
    wide: bool = False

    def present(self, base: nn.Module, layer: nn.Module) -> bool:
        """Return whether the layer has the number."""
        return _has(layer, self.path)

    def keep(self, layer: nn.Module, heads: Int[Tensor, " K"], head_dim: int) -> None:
        """Set it to the number of *heads*, or of their outputs."""
        owner, name = _owner(layer, self.path)
        setattr(owner, name, len(heads) * (head_dim if self.wide else 1))


@dataclass(frozen=True, slots=True)
class Table:
    """A parameter with an entry for each head along one *axis*, or with *wide* one for each output of a head."""

    path: str
    axis: int = 0
    wide: bool = False

    def present(self, base: nn.Module, layer: nn.Module) -> bool:
        """Return whether the layer has the parameter; by their configs, many models of a family have not."""
        return _has(layer, self.path)

    def keep(self, layer: nn.Module, heads: Int[Tensor, " K"], head_dim: int) -> None:
        """Cut it along its axis."""
        owner, name = _owner(layer, self.path)
        whole: nn.Parameter = getattr(owner, name)
        each = head_dim if self.wide else 1
        entries = (heads[:, None] * each + arange(each, device=heads.device)).flatten().to(whole.device)
        setattr(owner, name, nn.Parameter(whole.detach().index_select(self.axis, entries), whole.requires_grad))


@dataclass(frozen=True, slots=True)
class Choice:
    """A module that takes what belongs to its heads from something that all layers share, and must know which.

    Attributes:
        path: of the module, from a layer; "" is the layer itself.
        shared: path, from the base model, of what the layers share.
    """

    path: str
    shared: str

    def present(self, base: nn.Module, layer: nn.Module) -> bool:
        """Return whether the model has what is shared; by their configs, many models of a family have not."""
        return _has(base, self.shared)

    def keep(self, layer: nn.Module, heads: Int[Tensor, " K"], head_dim: int) -> None:
        """Let the module choose *heads* of those that it has chosen before."""
        keep_heads(layer.get_submodule(self.path), heads.tolist())


@dataclass(frozen=True, slots=True)
class Bound:
    """The companion that *row* describes, in one layer."""

    row: Row
    layer: nn.Module
    head_dim: int

    def keep(self, indices: Int[Tensor, " K"]) -> None:
        """Leave only what belongs to the heads *indices*."""
        self.row.keep(self.layer, indices, self.head_dim)


def companions_of(rows: Sequence[Row], base: nn.Module, layer: nn.Module, head_dim: int) -> tuple[Bound, ...]:
    """Return what hangs on the heads of *layer*, of the base model *base*."""
    return tuple(Bound(row, layer, head_dim) for row in rows if row.present(base, layer))


def linear(path: str) -> tuple[Row, ...]:
    """Return the rows of a linear map whose outputs are the heads', as those of query are."""
    matrix, bias = Table(f"{path}.weight", wide=True), Table(f"{path}.bias", wide=True)
    return matrix, bias, Count(f"{path}.out_features", wide=True)


def _has(module: nn.Module, path: str) -> bool:
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is not None


def _owner(layer: nn.Module, path: str) -> tuple[nn.Module, str]:
    parent, _, name = path.rpartition(".")
    return layer.get_submodule(parent), name
