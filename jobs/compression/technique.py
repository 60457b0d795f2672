"""The one interface of a technique: a frozen dataclass of parameters and one function.

A technique is one file in ``jobs/compression/techniques``; its name is the module's name. ``apply`` runs one step:
check the parameters, run the function, refuse a step that did nothing, and make the config say what the model now is.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches, dtype_of
from jobs.checkpoint.precision import is_quantised, values_of
from jobs.compression.anatomy import Anatomy
from jobs.compression.cache import Cache
from jobs.compression.learning.checkpoints import Checkpoints
from jobs.compression.sampling import Sample
from jobs.compression.schema import Rule, json_schema, problems
from jobs.contract.catalogue import NeedsData
from jobs.contract.errors import DataRequiredError, InvalidRequestError, NotApplicableError, NothingChangedError
from jobs.contract.spec import Step

NEVER: NeedsData = {"always": False}

PIECE = 2**20
"""Numbers that are summed together: the sum in double precision takes a copy of them."""


class Params:
    """Base of the parameter dataclasses.

    Attributes:
        alternatives: amounts of which a caller gives exactly one.
        rules: which values go together.
    """

    alternatives: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[tuple[Rule, ...]] = ()

    def asks(self) -> bool:
        """Return whether these values ask for any change: an amount of nothing does not."""
        return True


class Progress(Protocol):
    """Hears how far a technique is; raises ``CancelledError`` to stop it between two units of work."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that *done* of *total* units are done."""


def part_of(progress: Progress, before: int, total: int) -> Progress:
    """Return the progress of one phase of several: *before* units of the whole *total* were done when it began."""
    whole = total

    def report(done: int, total: int, note: str = "") -> None:
        progress(before + done, whole, note)

    return report


@dataclass(frozen=True, slots=True)
class Context:
    """All that a technique may ask of the outside world.

    Attributes:
        anatomy: of the model.
        batches: what may be learnt from; None if the request has no data.
        rng: the only source of chance.
        progress: is told how far the technique is.
        probe: a short batch, made up, on which changes are proven.
        cache: keeps what was measured on the model as it came; None once a step has changed it.
        deciding: what nothing is fitted on, to decide which state of something learnt is kept; None leaves the choice.
        checkpoints: where learning keeps snapshots of itself; None if nowhere.
    """

    anatomy: Anatomy
    batches: Batches | None
    rng: torch.Generator
    progress: Progress
    probe: Batch
    cache: Cache | None = None
    deciding: Batches | None = None
    checkpoints: Checkpoints | None = None

    def data(self) -> Batches:
        """Return the batches.

        Raises:
            DataRequiredError: the request has none.
        """
        if self.batches is None or not len(self.batches):
            raise DataRequiredError("This step learns from data, and the request has none. Add a data reference.")
        return self.batches

    def sampled(self, model: PreTrainedModel) -> "Context":
        """Return the context with as much of the data as *model* can go through in minutes."""
        return self if self.batches is None else replace(self, batches=Sample(model, self.anatomy, self.batches))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the report should know of the data."""
        return self.batches.notes if isinstance(self.batches, Sample) else ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a technique did.

    Attributes:
        model: the compressed model; the one that came in, changed in place, unless said otherwise.
        achieved: the amounts reached, in the words of the request where they were asked for.
        notes: what a reader of the report should know.
    """

    model: PreTrainedModel
    achieved: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


P = TypeVar("P", bound=Params)
Compress = Callable[[PreTrainedModel, P, Context], Outcome]


@dataclass(frozen=True, slots=True)
class Technique:
    """A registered technique: its name, parameters and function.

    Attributes:
        is_last: it comes after all others and after recovery, since nothing can compute with what it leaves.
        untrained: what to ask for instead so that nothing is trained; None leaves a parameter out.
    """

    name: str
    params: type[Any]
    compress: Compress[Any]
    needs_data: NeedsData
    is_last: bool
    untrained: Mapping[str, Any]

    def parse(self, document: Mapping[str, Any]) -> Any:
        """Return the parameters that *document* describes, defaults filled in.

        Raises:
            InvalidRequestError: a value is unknown, missing, of another type or out of bounds.
        """
        wrong = list(problems(json_schema(self.params), document))
        if wrong:
            raise InvalidRequestError(f"{self.name}: {' '.join(wrong)}")
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
        return self.params(**values)

    def without_training(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return *document* changed so that nothing is trained."""
        return {name: value for name, value in {**document, **self.untrained}.items() if value is not None}


_REGISTRY: dict[str, Technique] = {}


def technique(
    params: type[P],
    *,
    needs_data: NeedsData = NEVER,
    is_last: bool = False,
    untrained: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Compress[P]], Compress[P]]:
    """Register the decorated function under its module's name."""

    def register(compress: Compress[P]) -> Compress[P]:
        name = compress.__module__.rpartition(".")[2]
        _REGISTRY[name] = Technique(name, params, compress, needs_data, is_last, untrained)
        return compress

    return register


def registry() -> Mapping[str, Technique]:
    """Return every technique by name; a file that cannot be imported stops the caller."""
    import_module("jobs.compression.techniques")
    return MappingProxyType(dict(sorted(_REGISTRY.items())))


def apply(step: Step, model: PreTrainedModel, ctx: Context) -> Outcome:
    """Return the outcome of *step*; *model* may be changed in place.

    Raises:
        InvalidRequestError: the technique is unknown or its parameters are wrong.
        NotApplicableError: the model is no longer in float32.
        NothingChangedError: something was asked for, and the model is as it was.
        CancelledError: progress said so.
    """
    known = registry()
    if step.technique not in known:
        raise InvalidRequestError(f"Expected a technique, one of {', '.join(known)}; got {step.technique!r}.")
    chosen = known[step.technique]
    params = chosen.parse(step.params)
    if dtype_of(model) != torch.float32 or is_quantised(model):
        raise NotApplicableError(
            f"Expected {step.technique} before the model's numbers get smaller. Put that step last."
        )
    before = fingerprint(model, ctx.anatomy)
    given = ctx.sampled(model) if chosen.without_training(step.params) == step.params else ctx
    with nullcontext() if chosen.is_last else ctx.anatomy.opened(model):
        outcome = chosen.compress(model, params, given)
        ctx.anatomy.settle(outcome.model)
    if params.asks() and fingerprint(outcome.model, ctx.anatomy) == before:
        raise NothingChangedError(
            f"{step.technique} left the model as it was: it is already that small. Asked for: {dict(step.params)}."
        )
    return replace(outcome, notes=(*outcome.notes, *given.notes))


def fingerprint(model: PreTrainedModel, anatomy: Anatomy) -> dict[str, tuple[Any, ...]]:
    """Return what tells whether a step has changed *model*: its depth, and a summary of each tensor that has bytes."""
    held = {name: tensor.detach() for name, tensor in model.named_parameters() if not tensor.is_meta}
    tensors = {name: _summary(tensor) for name, tensor in held.items()}
    return {**tensors, "depth": (anatomy.depth(model),)}


def _summary(tensor: Tensor) -> tuple[Any, ...]:
    tensor = values_of(tensor)
    total = sum(float(each.sum(dtype=torch.float64)) for each in torch.split(tensor.flatten(), PIECE))
    return str(tensor.dtype), tuple(tensor.shape), int(tensor.count_nonzero()), total
