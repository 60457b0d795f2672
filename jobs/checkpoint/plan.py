"""What compression changed in a model, found by comparing it with the stock model of its own config."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.checkpoint.modelpress_attention import TABLES, heads_kept
from jobs.checkpoint.modelpress_layers import FactorisedLinear, FusedLinear, sizes
from jobs.checkpoint.restore import replay, stock_class, stock_config
from jobs.contract.errors import UnsupportedModelError
from jobs.contract.spec import Json, Storage

Kind: TypeAlias = Literal["linear", "factorised", "fused"]


@dataclass(frozen=True, slots=True)
class Change:
    """One linear layer that differs from the stock model's.

    Attributes:
        path: of the module, from the base model (without head).
        kind: ``linear``, ``factorised`` into two thin layers of *rank*, or ``fused`` of several such *parts*.
        stock_in: inputs of the layer in the stock model.
        stock_out: outputs of the layer in the stock model.
        parts: outputs and rank of each part of a fused layer.
    """

    path: str
    kind: Kind
    in_features: int
    out_features: int
    rank: int | None
    bias: bool
    stock_in: int
    stock_out: int
    parts: tuple[tuple[int, int | None], ...] = ()

    def to_json(self) -> Json:
        """Return the record that ``restore.replay`` reads."""
        counts = {"in": self.in_features, "out": self.out_features, "rank": self.rank}
        parts = {"parts": [list(part) for part in self.parts]} if self.parts else {}
        return {"path": self.path, "kind": self.kind, **counts, "bias": self.bias, **parts}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to change in the stock model so that the compressed weights fit.

    Attributes:
        modules: the changed linear layers, in the model's order.
        attributes: by module path, the counts its code reads (as a number of heads), where they differ.
        heads: by module path, which heads of the stock model are left where the module must know.
        tables: by path, the shapes of parameters with an entry for each head, where they differ.
        own_class: transformers does not have the class itself; its code travels with the weights too.
        storage: how matrices with many zeros lie in the files.
    """

    modules: tuple[Change, ...] = ()
    attributes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    heads: Mapping[str, list[int]] = field(default_factory=dict)
    tables: Mapping[str, list[int]] = field(default_factory=dict)
    own_class: bool = False
    storage: Storage = "dense"

    @property
    def native(self) -> bool:
        """Return whether the stock classes open the model as it is."""
        return not (self.modules or self.attributes or self.heads or self.tables or self.storage != "dense")

    @property
    def door(self) -> Literal["native", "modelpress"]:
        """Return what opens the result: plain transformers, or only the code that travels with it."""
        return "native" if self.native and not self.own_class else "modelpress"

    def to_json(self) -> Json:
        """Return the plan as it stands in ``config.json``."""
        attributes = {path: dict(counts) for path, counts in self.attributes.items()}
        modules = [change.to_json() for change in self.modules]
        storage = self.storage if self.storage != "dense" else None
        more = {"heads": dict(self.heads), "tables": dict(self.tables), "storage": storage}
        return {"modules": modules, "attributes": attributes} | {name: each for name, each in more.items() if each}


def plan_of(model: PreTrainedModel) -> Plan:
    """Return how *model* differs from a fresh model of its own class and config.

    Raises:
        UnsupportedModelError: it differs in more than linear layers, so that no plan can rebuild it.
    """
    stock = _stock_model(model)
    fresh = dict(stock.base_model.named_modules())
    modules = tuple(
        _change(path, layer, fresh[path])
        for path, layer in model.base_model.named_modules()
        if path in fresh and _differ(layer, fresh[path])
    )
    tables = _tables(model.base_model, fresh)
    own = not stock_class(type(model)).__module__.startswith("transformers.")
    plan = Plan(modules, _attributes(model.base_model, fresh, modules), _heads(model.base_model), tables, own)
    _check(model, stock, plan)
    return plan


def _stock_model(model: PreTrainedModel) -> PreTrainedModel:
    config = stock_config(model.config)
    with torch.device("meta"):
        return stock_class(type(model))(config)


def _differ(layer: nn.Module, stock: nn.Module) -> bool:
    stored_otherwise = isinstance(layer, FactorisedLinear | FusedLinear)
    return sizes(stock) is not None and (sizes(layer) != sizes(stock) or stored_otherwise)


def _change(path: str, layer: nn.Module, stock: nn.Module) -> Change:
    (inputs, outputs), (stock_in, stock_out) = sizes(layer) or (0, 0), sizes(stock) or (0, 0)
    rank = layer.rank if isinstance(layer, FactorisedLinear) else None
    bias, parts = getattr(layer, "bias", None) is not None, layer.parts if isinstance(layer, FusedLinear) else ()
    kind: Kind = "factorised" if rank else "fused" if parts else "linear"
    return Change(path, kind, inputs, outputs, rank, bias, stock_in, stock_out, parts)


def _attributes(
    base: nn.Module, fresh: Mapping[str, nn.Module], modules: tuple[Change, ...]
) -> dict[str, dict[str, int]]:
    """Return the counts that differ in the modules which hold changed layers, as ``num_heads`` of an attention."""
    found = {}
    for path in dict.fromkeys(change.path.rpartition(".")[0] for change in modules):
        mine, stock = _counts(base.get_submodule(path)), _counts(fresh[path])
        if differing := {name: value for name, value in mine.items() if name in stock and stock[name] != value}:
            found[path] = differing
    return found


def _heads(base: nn.Module) -> dict[str, list[int]]:
    known = ((path, heads_kept(module)) for path, module in base.named_modules())
    return {path: kept for path, kept in known if kept is not None}


def _tables(base: nn.Module, fresh: Mapping[str, nn.Module]) -> dict[str, list[int]]:
    """Return the shapes of the tables that differ."""
    tables = ((path, *path.rpartition(".")[::2], table.shape) for path, table in base.named_parameters())
    return {
        path: list(shape)
        for path, owner, name, shape in tables
        if name in TABLES and owner in fresh and fresh[owner].get_parameter(name).shape != shape
    }


def _counts(module: nn.Module) -> dict[str, int]:
    """Return a module's own integers; ``layer_idx`` is its place, which the stock model gives anew."""
    return {name: value for name, value in vars(module).items() if type(value) is int and name != "layer_idx"}


def _check(model: PreTrainedModel, stock: PreTrainedModel, plan: Plan) -> None:
    """Replay *plan* on *stock* and compare every tensor's name and shape with the model's."""
    replay(plan.to_json(), stock.base_model)
    mine, rebuilt = _shapes(model), _shapes(stock)
    if mine != rebuilt:
        names = sorted(name for name in mine.keys() | rebuilt.keys() if mine.get(name) != rebuilt.get(name))
        raise UnsupportedModelError(
            f"Expected {type(model).__name__} to differ from its config in linear layers of the base model only; "
            f"it also differs in {', '.join(names[:5])}."
        )


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
