"""Compress a model that is larger than memory: layer by layer from disk to disk, with the techniques as they are.

Steps without data that treat each layer by itself need one layer at a time. The model is there without bytes; a layer
is filled, goes through all steps, is written and emptied. Each cut is proven as ever: a short batch passes the layer
alone, from the embeddings, of which only the rows that it needs are read, to the last norm. Everything else is copied.

Cost: each byte is read once and written once; memory for one layer, and for what a step needs beside it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import hidden_states
from jobs.batches import Batch, ListBatches, inference, suited
from jobs.checkpoint.plan import Plan
from jobs.checkpoint.precision import settled_dtype, store_as
from jobs.checkpoint.shards import ShardWriter
from jobs.checkpoint.soundness import check_outputs
from jobs.checkpoint.verification import outputs_of, write_outputs
from jobs.checkpoint.writer import write_around
from jobs.compression.allocator import give_back_at_once
from jobs.compression.anatomy import Anatomy, Layer
from jobs.compression.depth import keep_layers
from jobs.compression.layered import Layered
from jobs.compression.opening import without_cache
from jobs.compression.reached import Part, nothing_changed, together
from jobs.compression.streamable import check_streamable
from jobs.compression.streams import Stream, arrivals
from jobs.compression.technique import Context, Progress, fingerprint, registry
from jobs.compression.techniques.distillation import kept_layers
from jobs.compression.techniques.low_rank import chosen_maps
from jobs.compression.windows import OneLayer
from jobs.contract.errors import VerificationError
from jobs.contract.report import StepReport
from jobs.contract.spec import Json, Step


@dataclass(frozen=True, slots=True)
class Streamed:
    """What was done.

    Attributes:
        plan: how the result differs from its stock class.
        steps: what each step was asked for and what it did.
    """

    plan: Plan
    steps: tuple[StepReport, ...]


def stream(
    steps: Sequence[Step],
    source: Path,
    out: Path,
    *,
    make_probe: Callable[[PreTrainedModel, Anatomy], Batch],
    progress: Progress,
    details: Callable[[Sequence[StepReport]], Json] = lambda steps: {},
) -> Streamed:
    """Write what *steps* make of the model in *source* into *out*, the same to the bit as if it were done in memory.

    Args:
        steps: at least one.
        source: a checkpoint; of its layers the largest must fit in memory, in single precision.
        out: the folder to write.
        make_probe: makes the short batch on which cuts are proven.
        progress: hears of each layer.
        details: from what the steps did to more to keep in ``compression.json``.

    Raises:
        InvalidRequestError: what ``load_model`` and ``apply`` raise, and that a step or a model cannot be streamed.
        VerificationError: a cut was not what masking is.
        CancelledError: progress said so.
    """
    check_streamable(steps)
    give_back_at_once()
    work = _Work.on(source)
    work.check_apart()
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
    reports = (*first, *(together(step, each) for step, each in zip(others, found, strict=True)))
    work.settle()
    plan = write_around(work.model, shards, source=source, out=out, details=details(reports))
    _check_written(out, probe, batch.hidden)
    progress(total, total, "streaming")
    return Streamed(plan, reports)


@dataclass(frozen=True, slots=True)
class _Work(Layered):
    """A model under way."""

    def drop_layers(self, step: Step) -> StepReport:
        """Leave out what distillation without learning leaves out: those layers are never read."""
        params = registry()[step.technique].parse(step.params)
        depth = len(self.origins)
        keep = kept_layers(params, self.anatomy, self.model)
        keep_layers(self.model, self.anatomy, keep)
        self.origins[:] = keep
        if len(keep) == depth:
            raise nothing_changed(step)
        return StepReport(step.technique, dict(step.params), {"layers_kept": list(keep)})

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
        with self.passing(), inference(self.model), without_cache(self.model.config):
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
        params, began = chosen.parse(step.params), time.perf_counter()
        context = Context(view, None, torch.Generator().manual_seed(0), _unheard, probe)
        before = fingerprint(self.model, view)
        with view.opened(self.model):
            size = _SIZES.get(step.technique, _weights)(view.layers(self.model)[0])
            outcome = chosen.compress(self.model, params, context)
            view.settle(self.model)
        changed = not params.asks() or fingerprint(self.model, view) != before
        return Part(outcome.achieved, outcome.notes, size, changed, time.perf_counter() - began)


def _check_written(out: Path, probe: Batch, made: Tensor) -> None:
    """Read the artifact in *out* back, layer by layer, and keep its output, if its last layer gives what was *made*.

    Raises:
        VerificationError: it gives something else, or something that is no number.
    """
    result, given = Layered.on(out), []
    with result.passing(), result.layers[-1].register_forward_hook(lambda *call: given.append(call[-1])):
        outputs = outputs_of(result.model, probe)
    if not torch.equal(hidden_states(given[0]), made):
        raise VerificationError("The artifact, read back, has another output than what was made. It is not published.")
    check_outputs(outputs, "all steps")
    write_outputs(outputs, probe, out)


@contextmanager
def _unsettled(config: Any) -> Iterator[None]:
    """Run the block and forget what it makes *config* say: a layer alone does not speak for all."""
    before = deepcopy(vars(config))
    try:
        yield
    finally:
        vars(config).clear()
        vars(config).update(before)


def _unheard(done: int, total: int, note: str = "") -> None:
    """Hear nothing: whole layers are told of."""


def _weights(layer: Layer) -> int:
    return sum(slot.linear.out_features * slot.linear.in_features for slot in layer.slots)


_SIZES: Mapping[str, Callable[[Layer], int]] = {
    "head_pruning": lambda layer: layer.attention.heads,
    "ffn_pruning": lambda layer: sum(pair.units for pair in layer.feed_forwards),
}
"""How much of what a technique takes from is in a layer; of the others it is weights."""
