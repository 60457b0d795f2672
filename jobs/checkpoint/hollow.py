"""A model whose weights stay on disk: its modules are there without bytes, and a part of them is filled at a time.

Names are those of the modules; how the files call the same tensors follows from transformers' own tables of renamings,
so that whatever ``load_model`` opens is opened here, as long as tensors need to be renamed only, not computed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
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
from jobs.checkpoint.ranges import pieces, places, read, read_rows
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
        empty = [path for path, parameter in module.named_parameters(remove_duplicate=False) if parameter.is_meta]
        for path in (*empty, *(path for path, _ in module.named_buffers())):
            if (place := self._place(_joined(name, path))) is not None:
                _put(module, path, _finite(_joined(name, path), _as(read(place), dtype)))

    def nonzero(self) -> dict[str, int]:
        """Return how many numbers of each parameter are not zero; all of them are looked at, a piece at a time.

        Raises:
            CorruptCheckpointError: a weight is NaN or infinite.
        """
        found = {name: self._place(name) for name, _ in self.model.named_parameters()}
        return {
            name: sum(int(_finite(name, piece).count_nonzero()) for piece in pieces(place))
            for name, place in found.items()
            if place is not None
        }

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
                self._put(name, _finite(name, _as(read(self.stored[name]), dtype)))
                filled.append((name, tensor))
        try:
            with self._looked_up(prefix, tables, dtype):
                yield
        finally:
            for name, tensor in filled:
                self._put(name, tensor)

    @contextmanager
    def passing(self, stack: str, origins: Sequence[int], dtype: torch.dtype) -> Iterator[None]:
        """Run the block with a model through which a batch can pass: each part is filled for as long as it works.

        Whoever watches the operations of a pass sees the model's own, and none of the reading.

        Args:
            stack: the name of the layers' stack.
            origins: which layer of the files each one is.
            dtype: what is computed in.

        Raises:
            RuntimeError: in the block, a pass comes to what no part of it fills.
        """
        layers = zip(self.model.get_submodule(stack).children(), origins, strict=True)
        parts = [(layer, f"{stack}.{origin}") for layer, origin in layers]
        with self.entrance(stack, dtype), ExitStack() as parted:
            for part, name in (*parts, *self._head()):
                parted.enter_context(self._working(part, name, dtype))
            parted.enter_context(_OnlyBytes())  # type: ignore[no-untyped-call]
            yield

    @contextmanager
    def _working(self, part: nn.Module, name: str, dtype: torch.dtype) -> Iterator[None]:
        """Run the block with *part* filled whenever it works."""
        before: list[tuple[str, nn.Parameter]] = []

        def fill(*_: object) -> None:
            with no_dispatch():
                before.extend(part.named_parameters(remove_duplicate=False))
                self.fill(part, name, dtype)

        def empty(*_: object) -> None:
            with no_dispatch():
                for path, parameter in before:
                    _put(part, path, parameter)
                before.clear()

        with part.register_forward_pre_hook(fill), part.register_forward_hook(empty):
            try:
                yield
            finally:
                empty()

    def _put(self, name: str, tensor: Tensor) -> None:
        """Put *tensor* in its place, and in those that are tied to it."""
        _put(self.model, name, tensor)
        for tied, source in self.model.all_tied_weights_keys.items():
            if source == name:
                _put(self.model, tied, self.model.get_parameter(name))

    def _head(self) -> list[tuple[nn.Module, str]]:
        """Return the parts beside the base model, and their names."""
        base = self.model.base_model
        return [(part, name) for name, part in self.model.named_children() if base not in (self.model, part)]

    def _place(self, name: str) -> Place | None:
        """Return where a tensor is, or the one that it is tied to."""
        return self.stored.get(name) or self.stored.get(self.model.all_tied_weights_keys.get(name, ""))

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


class _OnlyBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Stops what computes with tensors without bytes: some operations give arbitrary numbers for them."""

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if any(isinstance(each, Tensor) and each.is_meta for each in tree_leaves(args)):
            raise RuntimeError(f"{func} is to compute with a weight that is on disk")
        return func(*args, **(kwargs or {}))


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
    model.tie_weights()
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
    known = attribute in owner._parameters  # noqa: SLF001 - setattr cannot tell a parameter's tensor from a buffer's
    if known and not isinstance(tensor, nn.Parameter):
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
    with no_dispatch():
        rows, which = torch.unique(ids, return_inverse=True)
        table = _as(read_rows(place, rows.tolist()), dtype)
    return nn.functional.embedding(which, table)


def _is_plain(table: nn.Embedding) -> bool:
    """Return whether *table* only looks rows up; some multiply them."""
    return type(table).forward is nn.Embedding.forward and table.max_norm is None


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path
