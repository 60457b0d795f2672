"""Open a compressed model in plain transformers: the stock classes, with the layers that compression has changed.

A result that fits no stock config says so in its ``config.json``: ``model_type: modelpress``, the family it comes
from (``base_model_type``) and a *plan* of the layers that differ. Loading builds the stock model of that family,
replays the plan, reads the weights into it and refuses any tensor that is missing or left over. The model is an
instance of the stock class (``isinstance(model, BertModel)``), its weights have the stock names, and
``save_pretrained`` writes the same kind of folder again.

Two locks keep every other way of opening such a folder from filling the changed layers with random weights:
``transformers_weights`` in ``config.json``, the name of the weights' file for all stock model classes, is a sentence
instead, at which they stop (configs, tokenizers and feature extractors do not look at it); and each changed layer has
a tensor of the stock name and another size, at which they stop as well.

This file and its siblings need torch and transformers only, and are the same, byte for byte, beside the weights of
every artifact (this one as ``modeling_modelpress.py``) and in the client. The siblings never import this one, whose
name differs from place to place, and are imported relatively, so that transformers brings them along.
"""

import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto import modeling_auto
from transformers.pytorch_utils import Conv1D

from .modelpress_attention import replay_heads
from .modelpress_bitmask import packed_state
from .modelpress_layers import FactorisedLinear, FusedLinear, sizes
from .modelpress_melhubert import MelHubertConfig  # noqa: F401 - importing it teaches transformers the family

MODEL_TYPE = "modelpress"
CODE_FILE = "modeling_modelpress.py"
SIBLINGS = ("modelpress_attention.py", "modelpress_bitmask.py", "modelpress_layers.py", "modelpress_melhubert.py")
HOW_TO_OPEN = (
    "This folder holds a model compressed by ModelPress: its layers do not fit the stock config. Open it with "
    "AutoModel.from_pretrained(folder, trust_remote_code=True), or `import modelpress.transformers` first."
)


def code_files() -> dict[str, Path]:
    """Return the files of the reload code, by the names that they have in an artifact and in the client."""
    here = Path(__file__)
    return {CODE_FILE: here} | {name: here.with_name(name) for name in SIBLINGS}


def replay(plan: Mapping[str, Any], base: nn.Module) -> None:
    """Give *base*, a fresh stock model without head, the layers of *plan*.

    Raises:
        ValueError: the plan names a layer, a kind, a head or a size that this model cannot have.
    """
    replay_heads(plan, base)
    for record in plan["modules"]:
        old = base.get_submodule(record["path"])
        base.set_submodule(record["path"], _layer(record, old))
    for path, attributes in plan.get("attributes", {}).items():
        module = base.get_submodule(path)
        for name, value in attributes.items():
            if type(value) is not int or type(getattr(module, name, None)) is not int:
                raise ValueError(f"The plan may only set counts that the model has; got {path}.{name} = {value!r}.")
            setattr(module, name, value)


def _layer(record: Mapping[str, Any], old: nn.Module) -> nn.Module:
    parts = [count for part in record.get("parts", ()) for count in part]
    counts = [count for count in (record["in"], record["out"], record.get("rank"), *parts) if count is not None]
    if sizes(old) is None or any(type(count) is not int or count < 1 for count in counts):
        raise ValueError(f"The plan cannot replace {type(old).__name__} {record['path']!r} with {dict(record)}.")
    placed: dict[str, Any] = {"device": old.weight.device, "dtype": old.weight.dtype}
    if record["kind"] == "factorised":
        return FactorisedLinear(record["in"], record["out"], record["rank"], record["bias"], **placed)
    if record["kind"] == "fused":
        return FusedLinear(record["in"], record["parts"], record["bias"], **placed)
    if record["kind"] != "linear":
        raise ValueError(f"Expected a layer of kind linear, factorised or fused in the plan; got {record['kind']!r}.")
    if isinstance(old, Conv1D):
        with torch.device(placed["device"]):
            conv: nn.Module = Conv1D(record["out"], record["in"])
        return conv.to(placed["dtype"])
    return nn.Linear(record["in"], record["out"], record["bias"], **placed)


class _Planned:
    """What the config and the model of a compressed result share: the stock class beneath."""

    stock: ClassVar[type]


class _PlannedConfig(_Planned):
    """Mixed into a stock config class: carries the plan, and is written as ``model_type: modelpress``."""

    plan: dict[str, Any]

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Return the config that an artifact's ``config.json`` holds."""
        return super().from_dict(_unpacked(config_dict), **kwargs)  # type: ignore[misc]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the stock config, with the plan and the locks."""
        fields: dict[str, Any] = super().to_dict()  # type: ignore[misc]
        return {
            **fields,
            "model_type": MODEL_TYPE,
            "base_model_type": self.stock.model_type,  # type: ignore[attr-defined]
            "auto_map": {"AutoConfig": f"{Path(CODE_FILE).stem}.{ModelPressConfig.__name__}"},
            "transformers_weights": HOW_TO_OPEN,
        }

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write ``config.json`` and this code beside it."""
        super().save_pretrained(save_directory, **kwargs)  # type: ignore[misc]
        for name, code in code_files().items():
            copy = Path(save_directory) / name
            if not (copy.exists() and copy.samefile(code)):
                shutil.copyfile(code, copy)

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoConfig") -> None:
        """Do nothing: ``to_dict`` writes the map itself."""


class _PlannedModel(_Planned):
    """Mixed into a stock model class: replays the plan, and refuses weights that do not fit it."""

    def __init__(self, config: PreTrainedConfig, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)  # type: ignore[call-arg]
        replay(config.plan, self.base_model)  # type: ignore[attr-defined]

    @classmethod
    def from_pretrained(cls, folder: Any, *args: Any, output_loading_info: bool = False, **kwargs: Any) -> Any:
        """Return the model in *folder*, as the stock method does.

        Raises:
            RuntimeError: a tensor is missing, left over, or of another size.
            ValueError: a packed matrix does not unpack.
        """
        place, options = (None, kwargs) if folder is None else _opened(cls, folder, kwargs)
        model, info = super().from_pretrained(place, *args, output_loading_info=True, **options)  # type: ignore[misc]
        _refuse_misfits(model, info, folder)
        model.config.plan = {name: part for name, part in model.config.plan.items() if name != "storage"}
        return (model, info) if output_loading_info else model

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write the folder again: config, code and weights under the names the modules have."""
        kwargs.setdefault("save_original_format", False)
        super().save_pretrained(save_directory, **kwargs)  # type: ignore[misc]


def _opened(kind: Any, folder: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return what the stock ``from_pretrained`` is given for *folder*: packed weights are read here, others there."""
    config, rest = options.get("config"), options
    if not isinstance(config, PreTrainedConfig):
        config, rest = kind.config_class.from_pretrained(config or folder, return_unused_kwargs=True, **options)
    if config.plan.get("storage") is None:
        return folder, options
    if config.plan["storage"] != "bitmask":
        raise ValueError(f"Expected weights stored as bitmask in the plan; got {config.plan['storage']!r}.")
    return None, {**rest, "config": config, "state_dict": packed_state(folder, options)}


def _refuse_misfits(model: PreTrainedModel, info: Mapping[str, Any], folder: Any) -> None:
    """Raise unless every tensor that the saved class has was read, and nothing was left over.

    A head that the saved class lacks may start afresh (to fine-tune), and one that this class lacks may stay unread.
    """
    prefix = f"{model.base_model_prefix}."
    saved = {key.removeprefix(prefix) for key in _saved_keys(model)}
    in_base = {key.removeprefix(prefix) for key in model.base_model.state_dict()}
    missing = sorted(key for key in info["missing_keys"] if key.removeprefix(prefix) in saved)
    unexpected = sorted(key for key in info["unexpected_keys"] if key.removeprefix(prefix) not in saved)
    mismatched = sorted(str(key[0]) for key in info["mismatched_keys"] if key[0].removeprefix(prefix) in in_base)
    if missing or unexpected or mismatched:
        raise RuntimeError(
            f"The weights in {folder} are not those of its plan: the file is damaged or was renamed. "
            f"Missing: {missing[:5]}; left over: {unexpected[:5]}; of another size: {mismatched[:5]}."
        )


def _saved_keys(model: PreTrainedModel) -> set[str]:
    """Return the names of the tensors that the class which was saved has."""
    saved = known_models(type(model.config)).get((model.config.architectures or [""])[0], type(model))
    if saved is type(model):
        return set(model.state_dict())
    with torch.device("meta"):
        built = saved(model.config)
    if stock_class(type(built.base_model)) is not stock_class(type(model.base_model)):
        return set(model.state_dict())  # an encoder was saved: a decoder is no head that may start afresh
    return set(built.state_dict())


class ModelPressConfig(PreTrainedConfig):  # type: ignore[misc] # transformers is untyped
    """The door: returns the stock family's own config, with the plan."""

    model_type = MODEL_TYPE

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Return the config that an artifact's ``config.json`` holds.

        Raises:
            ValueError: this release of transformers does not have the family.
        """
        family = config_dict.get("base_model_type")
        if family == MODEL_TYPE or family not in CONFIG_MAPPING:
            raise ValueError(f"Expected a base_model_type that transformers knows; got {family!r}.")
        return planned_config_class(CONFIG_MAPPING[family]).from_dict(config_dict, **kwargs)


def planned_config(config: PreTrainedConfig, plan: Mapping[str, Any]) -> Any:
    """Return *config* with *plan*, to build or to save a compressed model."""
    fields = stock_config(config).to_dict()
    return planned_config_class(stock_class(type(config))).from_dict({**fields, "plan": dict(plan)})


def stock_config(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return *config* without plan, of the stock class."""
    if not isinstance(config, _PlannedConfig):
        return config
    fields = _unpacked(config.to_dict())
    fields.pop("plan")
    return config.stock.from_dict(fields)  # type: ignore[attr-defined]


def stock_class(kind: type) -> type:
    """Return the stock config or model class beneath *kind*, which may be stock already."""
    return kind.stock if issubclass(kind, _Planned) else kind


@cache
def planned_config_class(stock: type) -> Any:
    """Return the subclass of a stock config class that carries a plan, known to every Auto class of its family."""
    body = {"__module__": __name__, "stock": stock, "model_type": stock.model_type}  # type: ignore[attr-defined]
    kind = type(f"ModelPress{stock.__name__}", (_PlannedConfig, stock), body)
    for auto in auto_classes():
        models = models_of(auto, stock)
        if auto is AutoModel:  # where an encoder can be had without its decoder, it is a base model as well
            models = tuple(dict.fromkeys((*models, *models_of(AutoModelForTextEncoding, stock))))
        if planned := tuple(_planned_model_class(model, kind) for model in models):
            choice = planned if len(planned) > 1 else planned[0]  # a choice is made by config.architectures
            auto._model_mapping.register(kind, choice)  # noqa: SLF001 - the public register() takes no choice
    return kind


@cache
def _planned_model_class(stock: type, config_class: type) -> Any:
    """Return the subclass of a stock model class that replays the plan; it keeps the name, which pipelines look up."""
    body = {"__module__": __name__, "stock": stock, "config_class": config_class, "__doc__": stock.__doc__}
    return type(stock.__name__, (_PlannedModel, stock), body)


def auto_classes() -> Iterator[Any]:
    """Yield AutoModel and every AutoModelFor… that transformers has."""
    return (kind for name, kind in vars(modeling_auto).items() if name.startswith("AutoModel"))


def models_of(auto: Any, config_class: type) -> tuple[Any, ...]:
    """Return the model classes that one Auto class has for *config_class*."""
    found = auto._model_mapping.get(config_class, ())  # noqa: SLF001 - the table behind it has no public name
    return tuple(model for model in (found if isinstance(found, list | tuple) else (found,)) if model)


def known_models(config_class: type) -> dict[str, Any]:
    """Return every model class that the Auto classes have for *config_class*, by name."""
    return {model.__name__: model for auto in auto_classes() for model in models_of(auto, config_class)}


def _unpacked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stock fields and the plan of an artifact's config."""
    if fields.get("model_type") != MODEL_TYPE:
        return dict(fields)
    ours = {"model_type", "base_model_type", "auto_map", "transformers_weights"}
    return {name: value for name, value in fields.items() if name not in ours}


def register() -> None:
    """Teach ``AutoConfig``, and with it every Auto class, to open compressed results."""
    AutoConfig.register(MODEL_TYPE, ModelPressConfig, exist_ok=True)
