"""Which steps take one layer at a time, and what the others would have to be asked for to do so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jobs.compression.technique import registry
from jobs.contract.errors import InvalidRequestError, NotApplicableError
from jobs.contract.spec import Step


def check_streamable(steps: Sequence[Step]) -> None:
    """Raise unless each of *steps* treats every layer by itself and without data.

    Raises:
        InvalidRequestError: a parameter is wrong.
        NotApplicableError: a step needs more than a layer at a time; the message says what would not.
    """
    for index, step in enumerate(steps):
        if step.technique not in registry():
            raise InvalidRequestError(f"Expected a technique, one of {', '.join(registry())}; got {step.technique!r}.")
        params = registry()[step.technique].parse(step.params)
        if step.technique not in _DEMANDS:
            raise NotApplicableError(f"{step.technique} takes the whole model, and this one is streamed from disk.")
        if demand := _DEMANDS[step.technique](params, index):
            raise NotApplicableError(
                f"Expected steps that take one layer at a time, as the model is streamed from disk; "
                f"{step.technique} does so with {demand}."
            )


def _of_cuts(params: Any, _: int) -> str:
    if params.score not in ("l1", "obs"):
        return "score l1"
    return "scope layer" if params.scope != "layer" else ""


def _of_distillation(params: Any, index: int) -> str:
    if index:
        return "its place before all other steps"
    if params.steps:
        return "steps 0"
    narrower = params.heads_kept or params.units_kept
    return "layers_kept alone, and head_pruning or ffn_pruning steps after it" if narrower else ""


def _of_low_rank(params: Any, _: int) -> str:
    return "weighting none" if params.weighting != "none" else ""


def _of_weight_pruning(params: Any, _: int) -> str:
    if params.criterion != "magnitude" or params.schedule:
        return "criterion magnitude and no schedule"
    return "scope layer, or pattern 2:4" if params.scope != "layer" and params.pattern != "2:4" else ""


_DEMANDS: Mapping[str, Callable[[Any, int], str]] = {
    "distillation": _of_distillation,
    "ffn_pruning": _of_cuts,
    "head_pruning": _of_cuts,
    "low_rank": _of_low_rank,
    "weight_pruning": _of_weight_pruning,
}
"""From a step's parameters and its place to what is missing for it to take one layer at a time; "" if nothing."""
