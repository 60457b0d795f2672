"""Views of a model that show one layer of it, or one map, so that techniques work on that and on nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from jobs.compression.anatomy import Anatomy, Layer, Slot


@dataclass(frozen=True, slots=True)
class OneLayer(Anatomy):
    """Of a model of whose stack only the layer with this index is there, and of its maps perhaps *only* one."""

    index: int
    only: str | None = None

    def layers(self, model: PreTrainedModel) -> Sequence[Layer]:
        """Return a view of the layer, or of that map in it."""
        layer = self._layer(model, self.index)
        return (layer if self.only is None else OneMap.of(layer, self.only),)

    def _uses(self, model: PreTrainedModel) -> list[int]:
        return [0] * self.index + [1]


@dataclass(frozen=True, slots=True)
class OneMap(Layer):
    """A layer that shows one of its maps."""

    only: str = ""

    @classmethod
    def of(cls, layer: Layer, only: str) -> "OneMap":
        """Return *layer* with all but the map of that name hidden."""
        return cls(layer.attention, layer.feed_forward, layer.first, layer.uses, only)

    @property
    def groups(self) -> tuple[tuple[Slot, ...], ...]:
        """Return the map, a group by itself."""
        slots = (slot for group in Layer.groups.fget(self) for slot in group)  # type: ignore[attr-defined]
        return tuple((slot,) for slot in slots if slot.name == self.only)
