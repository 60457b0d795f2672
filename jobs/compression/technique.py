"""The one interface of a technique: a frozen dataclass of parameters and one function.

A technique is one file in ``jobs/compression/techniques``; its name is the module's name. ``apply`` runs one step:
check the parameters, run the function, refuse a step that did nothing, and make the config say what the model now is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch, Batches
from jobs.compression.anatomy import Anatomy
from jobs.compression.schema import json_schema, problems
from jobs.contract.catalogue import NeedsData
from jobs.contract.errors import DataRequiredError, InvalidRequestError, NothingChangedError
from jobs.contract.spec import Step

NEVER: NeedsData = {"always": False}


class Params:
    """Base of the parameter dataclasses.

    Attributes:
        alternatives: amounts of which a caller gives exactly one.
    """

    alternatives: ClassVar[tuple[str, ...]] = ()

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
    """

    anatomy: Anatomy
    batches: Batches | None
    rng: torch.Generator
    progress: Progress
    probe: Batch

    def data(self) -> Batches:
        """Return the batches.

        Raises:
            DataRequiredError: the request has none.
        """
        if self.batches is None or not len(self.batches):
            raise DataRequiredError("This step learns from data, and the request has none. Add a data reference.")
        return self.batches


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
    """A registered technique: its name, parameters and function."""

    name: str
    params: type[Any]
    compress: Compress[Any]
    needs_data: NeedsData

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


_REGISTRY: dict[str, Technique] = {}


def technique(params: type[P], *, needs_data: NeedsData = NEVER) -> Callable[[Compress[P]], Compress[P]]:
    """Register the decorated function under its module's name."""

    def register(compress: Compress[P]) -> Compress[P]:
        name = compress.__module__.rpartition(".")[2]
        _REGISTRY[name] = Technique(name, params, compress, needs_data)
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
        NothingChangedError: something was asked for, and the model is as it was.
        CancelledError: progress said so.
    """
    known = registry()
    if step.technique not in known:
        raise InvalidRequestError(f"Expected a technique, one of {', '.join(known)}; got {step.technique!r}.")
    chosen = known[step.technique]
    params = chosen.parse(step.params)
    before = _fingerprint(model)
    outcome = chosen.compress(model, params, ctx)
    if params.asks() and _fingerprint(outcome.model) == before:
        raise NothingChangedError(
            f"{step.technique} left the model as it was: it is already that small. Asked for: {dict(step.params)}."
        )
    ctx.anatomy.settle(outcome.model)
    return outcome


def _fingerprint(model: PreTrainedModel) -> dict[str, tuple[Any, ...]]:
    return {name: _summary(tensor.detach()) for name, tensor in model.named_parameters()}


def _summary(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), int(tensor.count_nonzero()), float(tensor.sum(dtype=torch.float64))
