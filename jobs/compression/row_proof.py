"""The proof of a row: what it says of an architecture is held against the code of a layer, and of a whole model.

1. A head whose columns of the output map are zero, or a unit whose column of down is, can be cut: nothing changes.
2. What is cut can be written down and made again: a plan, replayed on a fresh model, takes the weights and gives the
   same.
3. What the row says of the config is so: another depth or width there builds another depth or width.

Each is tried on drawn weights (``specimen``). Counts that hang on heads and what the config can say of heads are found
by trying, the least first: what passes is proven.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, TypeAlias, cast

import torch
from accelerate import init_empty_weights
from jaxtyping import Bool
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from jobs.checkpoint.fitting import BUILD_ERRORS
from jobs.checkpoint.plan import plan_of
from jobs.checkpoint.restore import replay, stock_class, stock_config
from jobs.compression.companions import Count, Row
from jobs.compression.family import Family
from jobs.compression.parts import Layer, Slot, group_of, head_dim_of, layer_of
from jobs.compression.settling import settle_depth, settle_heads
from jobs.compression.specimen import Specimen, same
from jobs.compression.surgery import drop_heads, drop_units, mask
from jobs.contract.errors import UnsupportedModelError

Part: TypeAlias = Literal["heads", "units"]
PARTS: tuple[Part, ...] = ("heads", "units")


@dataclass(frozen=True, slots=True)
class Fresh:
    """Models of one class and of configs near one config, without weights; their buffers are there.

    Attributes:
        kind: the stock class.
        config: the stock config.
        stack: path of the layers, from the base model.
    """

    kind: Any
    config: PreTrainedConfig
    stack: str

    @classmethod
    def of(cls, model: PreTrainedModel, stack: str) -> "Fresh":
        """Return fresh models of the class and config of *model*, as they are without compression."""
        return cls(stock_class(type(model)), deepcopy(stock_config(model.config)), stack)

    def model(self, config: PreTrainedConfig | None = None) -> PreTrainedModel:
        """Return a model of *config*, or of the own one."""
        with torch.random.fork_rng(devices=()), init_empty_weights(include_buffers=False):
            built: PreTrainedModel = self.kind(deepcopy(self.config if config is None else config))
        return built.eval()

    def layers(self, config: PreTrainedConfig | None = None) -> nn.ModuleList:
        """Return the layers of a model of *config*, or of the own one."""
        found = self.model(config).base_model.get_submodule(self.stack)
        return found if isinstance(found, nn.ModuleList) else nn.ModuleList()

    def head_sizes(self) -> tuple[int, int]:
        """Return the width of a head, and how many query heads share one of key and value, as the config says."""
        return head_dim_of(self.config), group_of(self.config)


def proven(row: Family, fresh: Fresh, specimens: Iterator[Specimen]) -> Family:
    """Return *row* with what hangs on heads and what the config can say, all of it proven.

    Args:
        row: says where the maps are.
        fresh: models to try it on.
        specimens: the layers, bottom first; one at a time is held.

    Raises:
        UnsupportedModelError: it is not so; says what was tried.
    """
    _check_layers(fresh)
    first = next(specimens)
    found = _with_width(_with_counts(row, fresh.config, first), fresh)
    _check_plan(found, fresh, first)
    found = replace(found, free_heads=_can_say_heads(found, fresh, first))
    for place, specimen in enumerate(specimens, start=1):
        _check_cut(found, fresh.config, specimen, PARTS, place % 2)
    return found


def _check_layers(fresh: Fresh) -> None:
    """Refuse layers that are built differently, or of which the config cannot say another number."""
    layers, depth = fresh.layers(), fresh.config.num_hidden_layers
    shapes = [{name: each.shape for name, each in layer.named_parameters()} for layer in layers]
    if len(shapes) != depth or any(each != shapes[0] for each in shapes):
        raise UnsupportedModelError(
            f"{depth} layers with parameters of the same shapes were looked for in {fresh.stack}"
        )
    config, other = deepcopy(fresh.config), depth - 1 or 2
    if getattr(config, "layer_types", None):
        config.layer_types = (config.layer_types * 2)[:other]
    settle_depth(config, other)
    if len(fresh.layers(config)) != other:
        raise UnsupportedModelError(
            f"a config that says how many layers there are was looked for; {fresh.stack} ignores it"
        )


def _with_counts(row: Family, config: PreTrainedConfig, specimen: Specimen) -> Family:
    """Return *row* with the fewest counts that let heads be cut, once units can be."""
    refused: Exception | None = None
    for half in range(2):
        _check_cut(row, config, specimen, ("units",), half)
    for counts in _some_of(_counts(row, config, specimen)):
        found = replace(row, companions=counts)
        try:
            for half in range(2):
                _check_cut(found, config, specimen, ("heads",), half)
        except (*BUILD_ERRORS, UnsupportedModelError) as error:
            refused = refused or error
        else:
            return found
    raise UnsupportedModelError(
        f"heads that can be cut were looked for; cutting them fails: {str(refused)[:300]}"
    ) from refused


def _counts(row: Family, config: PreTrainedConfig, specimen: Specimen) -> Iterator[Count]:
    """Yield the numbers beside the maps of the attention that could be of heads, or of their outputs."""
    attention = _view(row, config, specimen.layer).attention
    sizes = {attention.heads: False, attention.heads * attention.head_dim: True}
    owners = dict.fromkeys(each.rpartition(".")[0] for each in (row.query, row.key, row.value, row.output))
    for owner in owners:
        for name, value in vars(specimen.layer.get_submodule(owner)).items():
            if type(value) is int and value in sizes:
                yield Count(f"{owner}.{name}" if owner else name, wide=sizes[value])


def _some_of(counts: Iterator[Count]) -> Iterator[tuple[Row, ...]]:
    known = tuple(counts)
    for size in range(len(known) + 1):
        yield from combinations(known, size)


def _check_cut(row: Family, config: PreTrainedConfig, specimen: Specimen, parts: Sequence[Part], half: int) -> None:
    """Refuse *parts* of which half, this or the other, cannot leave without a change where they do nothing."""
    masked, cut = specimen.copied(), specimen.copied()
    for each in parts:
        _silence(_view(row, config, masked.layer), each, half)
        _cut(_view(row, config, cut.layer), each, half)
    if not same(cut.run().output, masked.run().output):
        raise UnsupportedModelError(
            f"a layer without some of its {' and '.join(parts)} gives something else than with them silenced"
        )


def _silence(layer: Layer, part: Part, half: int) -> None:
    """Set to zero what reads the parts that do not stay."""
    slot, span, count = _readers(layer, part)
    staying = _staying(count, half).repeat_interleave(span)
    mask(cast("nn.Parameter", slot.linear.weight), ~staying[None, :])


def _cut(layer: Layer, part: Part, half: int) -> None:
    _, _, count = _readers(layer, part)
    keep = _staying(count, half).nonzero().flatten()
    if part == "heads":
        drop_heads(layer.attention, keep)
    else:
        drop_units(layer.feed_forward, keep)


def _readers(layer: Layer, part: Part) -> tuple[Slot, int, int]:
    """Return the map that reads the parts, how many inputs each is, and how many there are."""
    if part == "heads":
        attention = layer.attention
        return attention.output, attention.span(attention.output), attention.heads
    return layer.feed_forward.down, 1, layer.feed_forward.units


def _staying(count: int, half: int) -> Bool[Tensor, " _"]:
    """Return every second part; the only one stays."""
    return torch.arange(count) % 2 == half % min(count, 2)


def _check_plan(row: Family, fresh: Fresh, specimen: Specimen) -> None:
    """Refuse a layer that, cut and written down, is not made again from that."""
    cut, original = specimen.copied(), fresh.model()
    for layer in (_view(row, fresh.config, cut.layer), _first(row, fresh, original)):
        for part in PARTS:
            _cut(layer, part, 0)
    plan, again = plan_of(original), fresh.model()
    replay(plan.to_json(), again.base_model)
    if not _gives_the_same(cut, again.base_model.get_submodule(f"{fresh.stack}.0")):
        raise UnsupportedModelError("a layer was cut and made again from its plan; it gives something else")


def _first(row: Family, fresh: Fresh, model: PreTrainedModel) -> Layer:
    return layer_of(model.base_model, f"{fresh.stack}.0", row, fresh.config)


def _gives_the_same(specimen: Specimen, layer: nn.Module) -> bool:
    """Return whether *layer*, without weights, takes those of the specimen and gives what it gives, bit for bit."""
    layer.load_state_dict(specimen.layer.state_dict(), assign=True)
    return torch.equal(specimen.with_layer(layer).run().output, specimen.run().output)


def _can_say_heads(row: Family, fresh: Fresh, specimen: Specimen) -> bool:
    """Return whether a config that says half the heads builds what is left when the others are cut."""
    cut = specimen.copied()
    view = _view(row, fresh.config, cut.layer)
    _cut(view, "heads", 0)
    config, attention = deepcopy(fresh.config), view.attention
    settle_heads(config, attention.head_dim, attention.heads, attention.group)
    try:
        return config.num_attention_heads == attention.heads * attention.group and _gives_the_same(
            cut, fresh.layers(config)[0]
        )
    except BUILD_ERRORS:
        return False


def _with_width(row: Family, fresh: Fresh) -> Family:
    """Return *row* with the field of the config that says how many units there are."""
    config = fresh.config
    units, hidden = _units(row, fresh, config), config.hidden_size
    for name, value in config.to_dict().items():
        for times in (1, hidden):
            if type(value) in (int, float) and value * times == units:
                wider = deepcopy(config)
                setattr(wider, name, value + 1)
                if _units(row, fresh, wider) == units + times:
                    return replace(row, width=name, width_in_hidden=times > 1)
    raise UnsupportedModelError(f"a field of the config that says how many units there are, {units}, was looked for")


def _units(row: Family, fresh: Fresh, config: PreTrainedConfig) -> int:
    """Return how many units a model of *config* has; 0 if there is none."""
    try:
        return _first(row, fresh, fresh.model(config)).feed_forward.units
    except BUILD_ERRORS:
        return 0


def _view(row: Family, config: PreTrainedConfig, layer: nn.Module) -> Layer:
    return layer_of(nn.ModuleList([layer]), "0", row, config)
