"""A model whose weights stay on disk: its modules are there without bytes, and a part of them is filled at a time.

Names are those of the modules; how the files call the same tensors follows from transformers' own tables of renamings,
so that whatever ``load_model`` opens is opened here, as long as tensors need to be renamed only, not computed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import (
    WeightConverter,
    WeightRenaming,
    dot_natural_key,
    rename_source_key,
    revert_weight_conversion,
)

from jobs.batches import trunk_of
from jobs.checkpoint.headers import Place
from jobs.checkpoint.ranges import places, read, read_rows
from jobs.checkpoint.reader import described, refuse_misfits
from jobs.contract.errors import CorruptCheckpointError, UnsupportedModelError


@dataclass(frozen=True, slots=True)
class Hollow:
    """A model without bytes.

    Attributes:
        model: parameters on the meta device, buffers as the class computes them.
        stored: where each of its tensors is.
    """

    model: PreTrainedModel
    stored: Mapping[str, Place]

    def fill(self, module: nn.Module, name: str, dtype: torch.dtype = torch.float32) -> None:
        """Read the tensors of *module* that are still without bytes; the files know it as *name*; as type *dtype*.

        Raises:
            CorruptCheckpointError: a weight is NaN or infinite.
        """
        empty = [path for path, parameter in module.named_parameters() if parameter.is_meta]
        for path in (*empty, *(path for path, _ in module.named_buffers())):
            if (place := self.stored.get(_joined(name, path))) is not None:
                _put(module, path, _finite(_joined(name, path), _as(read(place), dtype)))

    @contextmanager
    def entrance(self, stack: str, dtype: torch.dtype = torch.float32) -> Iterator[None]:
        """Run the block with what lies before and behind the layers filled, so that a short batch can pass.

        The table of tokens is not: it looks the rows that it needs up in the files.

        Args:
            stack: the name of the layers' stack, which is left alone.
            dtype: what is computed in.
        """
        trunk = trunk_of(self.model)
        prefix = next(name for name, module in self.model.named_modules() if module is trunk)
        tables = {name: module for name, module in trunk.named_modules() if self._has_token(module)}
        filled = []
        for path, tensor in [*trunk.named_parameters(), *trunk.named_buffers()]:
            name = _joined(prefix, path)
            within = name.startswith(f"{stack}.") or path.rpartition(".")[0] in tables
            if not within and name in self.stored:
                _put(trunk, path, _finite(name, _as(read(self.stored[name]), dtype)))
                filled.append((path, tensor))
        try:
            with self._looked_up(prefix, tables, dtype):
                yield
        finally:
            for path, tensor in filled:
                _put(trunk, path, tensor)

    @contextmanager
    def passing(self, stack: str, origins: Sequence[int], dtype: torch.dtype) -> Iterator[None]:
        """Run the block with a model through which a batch can pass: each layer is filled for as long as it works.

        Args:
            stack: the name of the layers' stack.
            origins: which layer of the files each one is.
            dtype: what is computed in.
        """

        def fill(name: str, layer: nn.Module, _: object) -> None:
            self.fill(layer, name, dtype)

        def empty(layer: nn.Module, *_: object) -> None:
            for path, parameter in list(layer.named_parameters()):
                _put(layer, path, parameter.detach().to("meta"))

        with self.entrance(stack, dtype), ExitStack() as hooks:
            for layer, origin in zip(self.model.get_submodule(stack).children(), origins, strict=True):
                hooks.enter_context(layer.register_forward_pre_hook(partial(fill, f"{stack}.{origin}")))
                hooks.enter_context(layer.register_forward_hook(empty))
            yield

    def _has_token(self, module: nn.Module) -> bool:
        rows = getattr(self.model.config, "vocab_size", None)
        return isinstance(module, nn.Embedding) and module.num_embeddings == rows and _is_plain(module)

    @contextmanager
    def _looked_up(self, prefix: str, tables: Mapping[str, nn.Embedding], dtype: torch.dtype) -> Iterator[None]:
        for path, table in tables.items():
            if (place := self.stored.get(_joined(prefix, f"{path}.weight"))) is not None:
                table.forward = partial(_look_up, place, dtype)  # type: ignore[method-assign]
        try:
            yield
        finally:
            for table in tables.values():
                vars(table).pop("forward", None)


def open_hollow(directory: Path) -> Hollow:
    """Return the model in *directory* without its bytes.

    Raises:
        InvalidRequestError: what ``load_model`` raises.
        UnsupportedModelError: tensors have to be computed when they are read: joined, split, unpacked or drawn.
    """
    kind, config = described(directory)
    if getattr(config, "plan", {}).get("storage"):
        raise UnsupportedModelError("Expected weights that are read as they are stored; these are packed.")
    with init_empty_weights(include_buffers=False):
        model: PreTrainedModel = kind(config)
    config.name_or_path = ""
    return Hollow(model.eval().requires_grad_(requires_grad=True), _by_module(model, places(directory)))


def names_written(model: PreTrainedModel, names: Iterable[str], *, native: bool) -> dict[str, str]:
    """Return what each tensor is called in the files of a result: as hubs call it, or as its module does."""
    if not native:
        return {name: name for name in names}
    tokens = {name: torch.empty(1, device="meta") for name in names}
    found = {id(token): name for name, token in revert_weight_conversion(model, dict(tokens)).items()}
    return {name: found[id(token)] for name, token in tokens.items()}


def _by_module(model: PreTrainedModel, found: Mapping[str, Place]) -> dict[str, Place]:
    known = model.state_dict()
    tables = get_model_conversion_mapping(model)
    renamed = {}
    for name in sorted(found, key=dot_natural_key):
        target, converter = _renamed(name, tables, model, known)
        if converter is not None:
            raise UnsupportedModelError(
                f"Expected weights that are read as they are stored; {name} has to be converted. Open the model with "
                "transformers, save it with save_original_format=False, and send the result."
            )
        renamed[target] = found[name]
    model._weight_conversions = [each for each in tables if each.was_used()]  # noqa: SLF001 - as from_pretrained does
    _check(model, known, renamed)
    return {name: place for name, place in renamed.items() if name in known}


def _renamed(
    name: str, tables: list[object], model: PreTrainedModel, known: Mapping[str, Tensor]
) -> tuple[str, str | None]:
    """Return what the model calls the tensor *name* of a file, and by which conversion, as ``from_pretrained`` does."""
    renamings = [each for each in tables if isinstance(each, WeightRenaming)]
    converters = [each for each in tables if isinstance(each, WeightConverter)]
    found: tuple[str, str | None] = rename_source_key(name, renamings, converters, model.base_model_prefix, known)
    if found[0] not in known and name in known:
        found = rename_source_key(name, [], [], model.base_model_prefix, known)
    return found


def _check(model: PreTrainedModel, known: Mapping[str, Tensor], renamed: Mapping[str, Place]) -> None:
    tied = model.all_tied_weights_keys
    missing = [name for name in known if name not in renamed and name not in tied]
    refuse_misfits(
        model,
        {
            "missing_keys": missing,
            "unexpected_keys": [name for name in renamed if name not in known],
            "mismatched_keys": [
                (name,) for name, place in renamed.items() if name in known and known[name].shape != place.shape
            ],
        },
    )
    if missing:
        raise UnsupportedModelError(
            f"Expected every tensor of {type(model).__name__} in the files; {missing[0]} is missing and would be drawn "
            "at random. Save the model with it."
        )


def _put(module: nn.Module, path: str, tensor: Tensor) -> None:
    parent, _, attribute = path.rpartition(".")
    owner = module.get_submodule(parent)
    if attribute in owner._parameters:  # noqa: SLF001 - setattr cannot tell a parameter's tensor from a buffer's
        tensor = nn.Parameter(tensor, requires_grad=tensor.is_floating_point())
    setattr(owner, attribute, tensor)


def _as(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _finite(name: str, tensor: Tensor) -> Tensor:
    """Return *tensor*; its smallest and largest number tell of any that is none, without a copy."""
    if tensor.is_floating_point() and tensor.numel():
        low, high = tensor.aminmax()
        if not (low.isfinite() and high.isfinite()):
            raise CorruptCheckpointError(
                f"Expected finite weights; {name} holds NaN or infinity. Save the model again from a good state."
            )
    return tensor


def _look_up(place: Place, dtype: torch.dtype, ids: Tensor) -> Tensor:
    rows, which = torch.unique(ids, return_inverse=True)
    return _as(read_rows(place, rows.tolist()), dtype)[which]


def _is_plain(table: nn.Embedding) -> bool:
    """Return whether *table* only looks rows up; some multiply them."""
    return type(table).forward is nn.Embedding.forward and table.max_norm is None


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path
