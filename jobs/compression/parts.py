"""The parts of a Transformer layer: its attention and its feed-forward pair, and the linear maps that they are made of.

Everything is a live reference into the model: what a :class:`Slot` holds is read when asked for, so a view stays right
while the model is being cut, and a model that was compressed before is seen as it is now.

Symbols used in shapes: B batch, T positions, D model width, H heads (what can be cut of them), F feed-forward units, O
outputs and I inputs of a linear map, R rank, N any count.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.companions import Companion, companions_of
from jobs.compression.family import Family
from jobs.contract.errors import UnsupportedModelError

Linear: TypeAlias = nn.Linear | FactorisedLinear
"""A linear map, dense or stored as two factors."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a model that holds a linear map; *name* is its path from the base model."""

    parent: nn.Module
    attribute: str
    name: str

    @property
    def linear(self) -> Linear:
        """Return the map that is there now."""
        held: Linear = getattr(self.parent, self.attribute)
        return held

    def put(self, linear: Linear) -> None:
        """Put *linear* in the place of what is there."""
        setattr(self.parent, self.attribute, linear)

    def matrices(self) -> list[nn.Parameter]:
        """Return what the map is stored in, without the bias: one matrix, or two factors."""
        return [parameter for name, parameter in self.linear.named_parameters() if name != "bias"]

    def weight(self) -> Float[Tensor, "O I"]:
        """Return the map's matrix; for two factors, their product."""
        held = self.linear
        return held.up @ held.weight if isinstance(held, FactorisedLinear) else held.weight


@dataclass(frozen=True, slots=True)
class Attention:
    """One self-attention: query, key and value map D to the heads, output maps back.

    What can be cut is a *unit*: a head of key and value with the group of query heads that read it. In most models
    each query head has its own, and a unit is a head.

    Attributes:
        query, key, value, output: the four maps.
        head_dim: width of a head.
        group: query heads in a unit.
        companions: what goes with the units beside the maps.
    """

    query: Slot
    key: Slot
    value: Slot
    output: Slot
    head_dim: int
    group: int = 1
    companions: tuple[Companion, ...] = ()

    @property
    def heads(self) -> int:
        """Return how many units there are now."""
        return self.key.linear.out_features // self.head_dim

    @property
    def inward(self) -> tuple[Slot, Slot, Slot]:
        """Return the maps whose outputs are the units': query, key, value."""
        return self.query, self.key, self.value

    def span(self, slot: Slot) -> int:
        """Return how many outputs of query, key or value, or inputs of output, belong to one unit."""
        return self.head_dim * (self.group if slot in (self.query, self.output) else 1)


@dataclass(frozen=True, slots=True)
class FeedForward:
    """One feed-forward pair: up maps D to F, down maps back; a gate, if there is one, is of the shape of up."""

    up: Slot
    down: Slot
    gate: Slot | None = None

    @property
    def inward(self) -> tuple[Slot, ...]:
        """Return the maps whose outputs are the units: up, and the gate if there is one."""
        return (self.up,) if self.gate is None else (self.up, self.gate)

    @property
    def units(self) -> int:
        """Return the hidden width F as it is now."""
        return self.up.linear.out_features


@dataclass(frozen=True, slots=True)
class Layer:
    """One Transformer layer.

    Attributes:
        attention: the self-attention.
        feed_forward: the pair after it.
        first: another pair ahead of the attention, where a layer has two.
        uses: how often a forward pass goes through the layer.
    """

    attention: Attention
    feed_forward: FeedForward
    first: FeedForward | None = None
    uses: int = 1

    @property
    def feed_forwards(self) -> tuple[FeedForward, ...]:
        """Return every feed-forward pair, bottom first."""
        return (self.feed_forward,) if self.first is None else (self.first, self.feed_forward)

    @property
    def groups(self) -> tuple[tuple[Slot, ...], ...]:
        """Return all maps, those that read the same input together: query, key and value; output; up; down."""
        pairs = [group for pair in self.feed_forwards for group in (pair.inward, (pair.down,))]
        return (self.attention.inward, (self.attention.output,), *pairs)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return all maps; in a plain layer the six of query, key, value, output, up, down."""
        return tuple(slot for group in self.groups for slot in group)


def layer_of(base: nn.Module, path: str, family: Family, config: Any, uses: int = 1) -> Layer:
    """Return a view of the layer at *path* of *base*, whose parts are where *family* says.

    Args:
        base: the base model, or any module that holds the layer.
        path: of the layer, from *base*.
        family: where the parts are.
        config: says how many heads there are, and how wide.
        uses: how often a forward pass goes through the layer.

    Raises:
        UnsupportedModelError: there is something else than a linear map where one should be.
        AttributeError: there is nothing.
    """
    query, key, value, output, up, down = (
        _slot(base, f"{path}.{part}")
        for part in (family.query, family.key, family.value, family.output, family.up, family.down)
    )
    gate, first_up, first_down = (
        _slot(base, f"{path}.{part}") if part else None for part in (family.gate, family.first_up, family.first_down)
    )
    head_dim = head_dim_of(config)
    companions = companions_of(family.companions, base, base.get_submodule(path), head_dim)
    attention = Attention(query, key, value, output, head_dim, group_of(config), companions)
    first = FeedForward(first_up, first_down) if first_up and first_down else None
    return Layer(attention, FeedForward(up, down, gate), first, uses)


def group_of(config: Any) -> int:
    """Return how many query heads share a head of key and value."""
    shared: int | None = getattr(config, "num_key_value_heads", None)
    return config.num_attention_heads // shared if shared else 1


def head_dim_of(config: Any) -> int:
    """Return the width of a head."""
    declared: int | None = getattr(config, "head_dim", None)
    return declared or config.hidden_size // config.num_attention_heads


def _slot(base: nn.Module, path: str) -> Slot:
    parent, _, attribute = path.rpartition(".")
    slot = Slot(base.get_submodule(parent), attribute, path)
    held = getattr(slot.parent, attribute, None)
    if not isinstance(held, nn.Linear | FactorisedLinear):
        raise UnsupportedModelError(
            f"Expected a Linear at {path} of {type(base).__name__}; found {type(held).__name__}."
        )
    return slot
