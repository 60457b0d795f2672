"""Compress a model that is larger than memory: layer by layer from disk to disk, with the techniques as they are.

Steps without data that treat each layer by itself need one layer at a time. The model is there without bytes; a layer
is filled, goes through all steps, is written and emptied. Each cut is proven as ever: a short batch passes the layer
alone, from the embeddings, of which only the rows that it needs are read, to the last norm. Everything else is copied.

Cost: each byte is read once and written once; memory for one layer, and for what a step needs beside it.
"""

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.batches import Batch, ListBatches, inference, suited, trunk_of
from jobs.checkpoint.hollow import Hollow, open_hollow
from jobs.checkpoint.plan import Plan
from jobs.checkpoint.precision import settled_dtype, store_as, stored_dtype
from jobs.checkpoint.shards import ShardWriter
from jobs.checkpoint.verification import write_outputs
from jobs.checkpoint.writer import write_around
from jobs.compression.anatomy import Anatomy, Layer, anatomy_of, hidden_states
from jobs.compression.depth import keep_layers
from jobs.compression.opening import without_cache
from jobs.compression.reached import Part, Reached, nothing_changed, together
from jobs.compression.streamable import check_streamable
from jobs.compression.streams import Stream, arrivals
from jobs.compression.technique import Context, Progress, fingerprint, registry
from jobs.compression.techniques.distillation import kept_layers
from jobs.compression.techniques.low_rank import chosen_maps
from jobs.compression.windows import OneLayer
from jobs.contract.errors import UnsupportedModelError, VerificationError
from jobs.contract.spec import Json, Step

M_MMAP_THRESHOLD = -3
"""What glibc's ``malloc.h`` calls by that name."""

LARGE_BYTES = 2**20
"""A block of this size is given back to the system as soon as it is freed."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What was done.

    Attributes:
        plan: how the result differs from its stock class.
        reached: what came of each step.
    """

    plan: Plan
    reached: tuple[Reached, ...]


def stream(
    steps: Sequence[Step],
    source: Path,
    out: Path,
    *,
    make_probe: Callable[[PreTrainedModel, Anatomy], Batch],
    progress: Progress,
    details: Callable[[Sequence[Reached]], Json] = lambda reached: {},
) -> Streamed:
    """Write what *steps* make of the model in *source* into *out*, the same to the bit as if it were done in memory.

    Args:
        steps: at least one.
        source: a checkpoint; of its layers the largest must fit in memory, in single precision.
        out: the folder to write.
        make_probe: makes the short batch on which cuts are proven.
        progress: hears of each layer.
        details: from what came of the steps to more to keep in ``compression.json``.

    Raises:
        InvalidRequestError: what ``load_model`` and ``apply`` raise, and that a step or a model cannot be streamed.
        VerificationError: a cut was not what masking is.
        CancelledError: progress said so.
    """
    check_streamable(steps)
    _give_back_at_once()
    work = _Work.on(source)
    out.mkdir(parents=True, exist_ok=True)
    shards, total = ShardWriter(out), len(work.origins) + 1
    first = [work.drop_layers(step) for step in steps[:1] if step.technique == "distillation"]
    others = steps[len(first) :]
    probe = make_probe(work.model, work.anatomy)
    batch = work.arrive(probe)
    found: list[list[Part]] = [[] for _ in others]
    with work.hollow.entrance(work.stack):
        for index in range(len(work.origins)):
            for known, each in zip(found, work.compress(index, others, probe, shards), strict=True):
                known.extend(each)
            work.climb(index, batch)
            progress(index + 1, total, "streaming")
    work.copy_rest(shards)
    reached = (*first, *(together(step, each) for step, each in zip(others, found, strict=True)))
    work.settle()
    plan = write_around(work.model, shards, source=source, out=out, details=details(reached))
    _check_written(out, probe, batch.hidden, work)
    progress(total, total, "streaming")
    return Streamed(plan, reached)


@dataclass(frozen=True, slots=True)
class _Work:
    """A model under way.

    Attributes:
        stack: the name of the stack of layers.
        dtype: what numbers are stored in.
        origins: which layer of the source each one is.
    """

    hollow: Hollow
    anatomy: Anatomy
    stack: str
    dtype: torch.dtype
    origins: list[int] = field(default_factory=list)

    @classmethod
    def on(cls, source: Path) -> "_Work":
        hollow = open_hollow(source)
        anatomy = anatomy_of(hollow.model)
        encoder = anatomy.encoder(hollow.model)
        _check_layers(encoder, anatomy)
        stack = next(name for name, module in hollow.model.named_modules() if module is encoder)
        return cls(hollow, anatomy, stack, stored_dtype(source), list(range(len(encoder))))

    @property
    def model(self) -> PreTrainedModel:
        return self.hollow.model

    def drop_layers(self, step: Step) -> Reached:
        """Leave out what distillation without learning leaves out: those layers are never read."""
        params = registry()[step.technique].parse(step.params)
        depth = len(self.origins)
        keep = kept_layers(params.layers_kept, self.anatomy, self.model)
        keep_layers(self.model, self.anatomy, keep)
        self.origins[:] = keep
        if len(keep) == depth:
            raise nothing_changed(step)
        return {"layers_kept": list(keep)}, ()

    def compress(self, index: int, steps: Sequence[Step], probe: Batch, shards: ShardWriter) -> list[list[Part]]:
        """Fill a layer, take it through all *steps*, write it and empty it.

        A single step that takes one map at a time gets one at a time, and what else there is comes when it is done.

        Returns:
            for each step, what came of it: in the layer, or in one map after the other.
        """
        layer, source = self.anatomy.encoder(self.model)[index], f"{self.stack}.{self.origins[index]}"
        maps = self._maps(index, steps)
        if not maps:
            self.hollow.fill(layer, source)
        with self._alone(index, layer) as view, _unsettled(self.model.config):
            found = [[] if maps else [self._apply(step, view, probe)] for step in steps]
            for path, name in maps.items():
                self.hollow.fill(layer.get_submodule(path), f"{source}.{path}")
                found[0].append(self._apply(steps[0], replace(view, only=name), probe))
        if maps:
            self.hollow.fill(layer, source)
        name = f"{self.stack}.{index}"
        tensors = {f"{name}.{path}": tensor for path, tensor in layer.state_dict().items()}
        shards.add(tensors, self._dtypes(tensors))
        return found

    def arrive(self, probe: Batch) -> Stream:
        """Return a batch as it arrives at the first layer, having passed them all once to see what each is given."""
        passing = self.hollow.passing(self.stack, self.origins, self.dtype)
        with passing, inference(self.model), without_cache(self.model.config):
            (batch,) = arrivals(self.model, self.anatomy, ListBatches([suited(probe, self.model)]), _unheard)
        return batch

    def climb(self, index: int, batch: Stream) -> None:
        """Take *batch* through a layer as it was written, and empty the layer."""
        layer = self.anatomy.encoder(self.model)[index].to(self.dtype)
        with inference(layer), without_cache(self.model.config):
            batch.climb(layer)
        layer.to("meta")

    def copy_rest(self, shards: ShardWriter) -> None:
        """Copy what is not in the layers."""
        left_out = {*self.model.all_tied_weights_keys, *(self.model._keys_to_ignore_on_save or ())}  # noqa: SLF001
        state = self.model.state_dict()
        names = [name for name in state if not name.startswith(f"{self.stack}.") and name not in left_out]
        shards.add(
            {name: self.hollow.stored[name] for name in names}, self._dtypes({name: state[name] for name in names})
        )

    def settle(self) -> None:
        """Make the config and the types say what was written."""
        self.model.to("meta")
        with self.anatomy.opened(self.model):
            self.anatomy.settle(self.model)
        store_as(self.model, self.dtype)

    def _dtypes(self, tensors: Mapping[str, Tensor]) -> dict[str, torch.dtype]:
        return {name: settled_dtype(self.model, name, tensor, self.dtype) for name, tensor in tensors.items()}

    @contextmanager
    def _alone(self, index: int, layer: nn.Module) -> Iterator[OneLayer]:
        """Run the block with *layer* as the only one, so that a short batch goes through it and through no other."""
        base, path, whole = self.model.base_model, self.anatomy.family.layers, self.anatomy.encoder(self.model)
        alone = nn.ModuleList().train(whole.training)
        alone.add_module(str(index), layer)
        base.set_submodule(path, alone)
        try:
            yield OneLayer(self.anatomy.family, index)
        finally:
            base.set_submodule(path, whole)

    def _maps(self, index: int, steps: Sequence[Step]) -> dict[str, str]:
        """Return the maps that a single step takes one at a time: paths from the layer, and names; none else."""
        technique, params = (steps[0].technique, steps[0].params) if len(steps) == 1 else ("", {})
        family = self.anatomy.family
        stored_as_they_are = not (family.fused or family.transposed or family.reads_weights)
        if not stored_as_they_are or (technique != "low_rank" and params.get("pattern") != "2:4"):
            return {}
        layer, top = self.anatomy.layers(self.model)[index], f"{family.layers}.{index}."
        chosen = chosen_maps(layer, params.get("modules", "all")) if technique == "low_rank" else layer.groups
        return {slot.name.removeprefix(top): slot.name for group in chosen for slot in group}

    def _apply(self, step: Step, view: OneLayer, probe: Batch) -> Part:
        chosen = registry()[step.technique]
        params = chosen.parse(step.params)
        context = Context(view, None, torch.Generator().manual_seed(0), _unheard, probe)
        before = fingerprint(self.model, view)
        with view.opened(self.model):
            size = _SIZES.get(step.technique, _weights)(view.layers(self.model)[0])
            outcome = chosen.compress(self.model, params, context)
            view.settle(self.model)
        changed = not params.asks() or fingerprint(self.model, view) != before
        return Part(outcome.achieved, outcome.notes, size, changed)


def _check_written(out: Path, probe: Batch, made: Tensor, work: _Work) -> None:
    """Read the artifact in *out* back, layer by layer, and compare what the last one gives with what was *made*.

    Raises:
        VerificationError: it gives something else.
    """
    hollow, given = open_hollow(out), []
    last = hollow.model.get_submodule(f"{work.stack}.{len(work.origins) - 1}")
    passing = hollow.passing(work.stack, range(len(work.origins)), work.dtype)
    with passing, inference(hollow.model), last.register_forward_hook(lambda *call: given.append(call[-1])):
        output = trunk_of(hollow.model)(**suited(probe, hollow.model)).last_hidden_state
    if not torch.equal(hidden_states(given[-1]), made):
        raise VerificationError("The artifact, read back, has another output than what was made. It is not published.")
    write_outputs({"last_hidden_state": output}, probe, out)


@contextmanager
def _unsettled(config: Any) -> Iterator[None]:
    """Run the block and forget what it makes *config* say: a layer alone does not speak for all."""
    before = deepcopy(vars(config))
    try:
        yield
    finally:
        vars(config).clear()
        vars(config).update(before)


def _give_back_at_once() -> None:
    """Have glibc's allocator, where it is the one, keep no large block that is freed for later, from now on."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def _check_layers(encoder: nn.ModuleList, anatomy: Anatomy) -> None:
    first, *others = ({name for name, _ in layer.named_parameters()} for layer in encoder)
    if anatomy.family.shared or any(first - each for each in others):
        raise UnsupportedModelError(
            "Expected layers that each work by themselves, as the model is streamed from disk; here one serves others. "
            "Give the worker more memory."
        )


def _unheard(done: int, total: int, note: str = "") -> None:
    """Hear nothing: whole layers are told of."""


def _weights(layer: Layer) -> int:
    return sum(slot.linear.out_features * slot.linear.in_features for slot in layer.slots)


_SIZES: Mapping[str, Callable[[Layer], int]] = {
    "head_pruning": lambda layer: layer.attention.heads,
    "ffn_pruning": lambda layer: sum(pair.units for pair in layer.feed_forwards),
}
"""How much of what a technique takes from is in a layer; of the others it is weights."""
