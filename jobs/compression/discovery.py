"""Finding the parts of an architecture that no row of the table describes, and proving what was found.

A real pass shows the stack: the longest list of equally built layers of which each is given what the one before gave.
``roles`` finds what the maps of the first layer do, by their effect; ``row_proof`` holds the row that follows to what
every row is held to, and finds what hangs on heads and what the config can say. Nothing is believed for its name, and
nothing is used that was not proven.

Cost: on two short inputs, a pass of the model, some forty of its first layer and two of each other; the model is built
some ten times without weights, and three copies of a layer are held.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import hidden_states
from jobs.batches import Batch, inference, suited, trunk_of
from jobs.checkpoint.fitting import BUILD_ERRORS
from jobs.compression.family import Family
from jobs.compression.opening import without_cache
from jobs.compression.roles import Heads, roles_of
from jobs.compression.row_proof import Fresh, proven
from jobs.compression.specimen import Call, specimen_of
from jobs.contract.errors import InvalidRequestError, UnsupportedModelError
from jobs.contract.spec import InputKind, InputSpec
from jobs.inputs import longest_text, synthetic_batch

MODALITIES: Mapping[str, InputKind] = {
    "input_ids": "text",
    "input_values": "audio",
    "pixel_values": "image",
}
"""By the name of a model's main input, what it takes."""

TOKENS, SECONDS = 12, 0.25
"""Lengths of the two inputs; half of the second is padding where the kind has any."""

_FRAME_MASK = "_get_feature_vector_attention_mask"
"""The method by which a speech model says which of its frames are padding."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The layers as a pass went through them.

    Attributes:
        path: of their list, from the base model.
        given: the hidden states that each was given.
        calls: what each was given beside them.
    """

    path: str
    given: Sequence[Tensor]
    calls: Sequence[Call]


def discover(model: PreTrainedModel) -> Family:
    """Return the row of an architecture that is in no table.

    Args:
        model: with or without a task head, compressed before or not; left as it is.

    Raises:
        UnsupportedModelError: its layers are no standard blocks; says what was looked for and what was found.
    """
    if any(parameter.is_meta for parameter in model.parameters()):
        raise UnsupportedModelError("parts are found on a model that computes; this one's weights stay on disk")
    modality = MODALITIES.get(model.main_input_name)
    if modality is None:
        raise UnsupportedModelError(
            f"an input among {', '.join(MODALITIES)} was looked for; its is {model.main_input_name}"
        )
    try:
        stack = _stack(model, _two_inputs(model, modality))
        return _row(model, modality, stack)
    except (*BUILD_ERRORS, InvalidRequestError) as error:
        if isinstance(error, UnsupportedModelError):
            raise
        raise UnsupportedModelError(
            f"it was tried on two short inputs of {modality}, and cannot be: {str(error)[:300] or type(error).__name__}"
        ) from error


def _row(model: PreTrainedModel, modality: InputKind, stack: Stack) -> Family:
    fresh = Fresh.of(model, stack.path)
    calls = list(zip(fresh.layers(), stack.given, stack.calls, strict=True))
    roles = roles_of(specimen_of(*calls[0]), Heads(*fresh.head_sizes()))
    found = Family(
        model_types=(model.config.model_type,),
        modality=modality,
        layers=stack.path,
        discovered=True,
        **asdict(roles),
    )
    return proven(found, fresh, (specimen_of(*each) for each in calls))


def _two_inputs(model: PreTrainedModel, modality: InputKind) -> Batch:
    config = model.config
    kinds = {
        "text": InputSpec("text", batch_size=2, tokens=min(TOKENS, longest_text(config))),
        "audio": InputSpec("audio", batch_size=2, seconds=SECONDS),
        "image": InputSpec("image", batch_size=2),
    }
    batch = dict(synthetic_batch(modality, config, kinds[modality]))
    if modality == "audio" and hasattr(model.base_model, _FRAME_MASK):
        batch["attention_mask"] = batch[model.main_input_name].new_ones(batch[model.main_input_name].shape).long()
    if (mask := batch.get("attention_mask")) is not None:
        mask[1, mask.shape[1] // 2 :] = 0
    return suited(batch, model)


def _stack(model: PreTrainedModel, batch: Batch) -> Stack:
    """Return the layers that carry the residual stream.

    Raises:
        UnsupportedModelError: there is no such list, or more than one.
    """
    lists = {name: each for name, each in model.base_model.named_modules() if isinstance(each, nn.ModuleList)}
    passes, output = _watched(model, [layer for layers in lists.values() for layer in layers], batch)
    chains = [name for name, layers in lists.items() if _is_chain(layers, passes, model.config.hidden_size)]
    outer = [name for name in chains if not any(name.startswith(f"{each}.") for each in chains)]
    longest = [name for name in outer if len(lists[name]) == max(len(lists[each]) for each in outer)]
    if len(longest) != 1:
        raise UnsupportedModelError(
            "one list of layers of one class, each given what the one before gave, as wide as the config's "
            f"hidden_size, was looked for; found {', '.join(longest) or 'none'} among {', '.join(lists) or 'no lists'}"
        )
    layers = lists[longest[0]]
    if len(list(layers.parameters())) < sum(len(list(layer.parameters())) for layer in layers):
        raise UnsupportedModelError(
            f"layers with weights of their own were looked for; those of {longest[0]} share some"
        )
    found = [passes[layer][0] for layer in layers]
    _check_positions(model, found[0].given, output, batch)
    return Stack(longest[0], [each.given for each in found], [each.call for each in found])


@dataclass(frozen=True, slots=True)
class _Pass:
    given: Any
    call: Call
    gave: Any


def _watched(
    model: PreTrainedModel, layers: Sequence[nn.Module], batch: Batch
) -> tuple[dict[nn.Module, list[_Pass]], Any]:
    """Return what went through each of *layers* in a pass, each time, and what came out."""
    passes: dict[nn.Module, list[_Pass]] = {layer: [] for layer in layers}

    def hear(layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        first = arguments[0] if arguments else None
        passes[layer].append(_Pass(first, (arguments[1:], named), hidden_states(output)))

    with ExitStack() as hooks, inference(model), without_cache(model.config):
        for layer in passes:
            hooks.enter_context(layer.register_forward_hook(hear, with_kwargs=True))
        output = trunk_of(model)(**batch).last_hidden_state
    return passes, output


def _is_chain(layers: nn.ModuleList, passes: Mapping[nn.Module, list[_Pass]], width: int) -> bool:
    """Return whether a pass went through *layers* once each, one after the other, with hidden states of that width."""
    if len({type(layer) for layer in layers}) != 1 or any(len(passes[layer]) != 1 for layer in layers):
        return False
    went = [passes[layer][0] for layer in layers]
    if not all(isinstance(state, Tensor) and state.ndim == 3 for each in went for state in (each.given, each.gave)):  # noqa: PLR2004 - batch, positions, width
        return False
    shapes = {state.shape for each in went for state in (each.given, each.gave)}
    handed_on = all(upper.given is lower.gave or upper.given.equal(lower.gave) for lower, upper in pairwise(went))
    return len(shapes) == 1 and went[0].given.shape[-1] == width and handed_on


def _check_positions(model: PreTrainedModel, given: Tensor, output: Tensor, batch: Batch) -> None:
    """Refuse layers that do not see the positions which the data speaks of, since padding could not be told."""
    positions = given.shape[1]
    mask = batch.get("attention_mask")
    if output.ndim != given.ndim or output.shape[1] != positions:
        raise UnsupportedModelError(
            f"layers at the length of what the model gives were looked for; they work on {positions} positions, and "
            f"the model gives {tuple(output.shape)}"
        )
    if mask is not None and mask.shape[1] != positions and not hasattr(model.base_model, _FRAME_MASK):
        raise UnsupportedModelError(
            f"layers at the length of the input were looked for; they work on {positions} positions of {mask.shape[1]}"
        )
