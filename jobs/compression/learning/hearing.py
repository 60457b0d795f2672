"""What one forward pass gives to whoever wants to imitate it: states, relations' vectors, logits.

Own hooks, gone afterwards: transformers' ``output_hidden_states`` would leave its hooks in the model for good.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.activations import hidden_states
from jobs.batches import Batch, trunk_of
from jobs.compression.anatomy import Anatomy
from jobs.contract.errors import NotApplicableError


@dataclass(frozen=True, slots=True)
class Heard:
    """What one forward pass gave.

    Attributes:
        states: what each layer gives, bottom first, and for the last one the base model's output.
        vectors: query, key and value of one layer, each (B, T, H·d); empty where nobody asked.
        logits: of the task head; None where nobody asked.
    """

    states: Sequence[Float[Tensor, "B T D"]]
    vectors: Sequence[Float[Tensor, "B T _"]] = ()
    logits: Tensor | None = None


def listen(
    model: PreTrainedModel, anatomy: Anatomy, batch: Batch, *, vectors_of: int | None = None, logits: bool = False
) -> Heard:
    """Run *model* on *batch* and return what it gives inside.

    Args:
        model: of the family of *anatomy*.
        anatomy: says where the layers are.
        batch: on the model's device.
        vectors_of: the layer whose query, key and value are wanted.
        logits: whether those of the task head are; then the head runs too.

    Raises:
        NotApplicableError: logits are wanted, and the model has no head that gives any.
    """
    states: list[Tensor] = []
    vectors: dict[nn.Module, Tensor] = {}
    output: list[Tensor] = []
    attention = None if vectors_of is None else anatomy.layers(model)[vectors_of].attention
    maps = [] if attention is None else [slot.linear for slot in attention.inward]
    with ExitStack() as hooks:
        for layer in anatomy.encoder(model):
            hooks.enter_context(layer.register_forward_hook(lambda *heard: states.append(hidden_states(heard[2]))))
        for linear in maps:
            hooks.enter_context(linear.register_forward_hook(partial(_keep, vectors)))
        base = trunk_of(model)
        hooks.enter_context(base.register_forward_hook(lambda *heard: output.append(heard[2].last_hidden_state)))
        given = model(**batch) if logits else base(**batch)
    return Heard(
        [*states[:-1], *output], [vectors[linear] for linear in maps], _logits(model, given) if logits else None
    )


def _keep(vectors: dict[nn.Module, Tensor], linear: nn.Module, _: object, output: Tensor) -> None:
    """Keep what *linear* gives last of hidden states, which come first; some maps read embedded distances too."""
    if vectors.setdefault(linear, output).shape == output.shape:
        vectors[linear] = output


def _logits(model: PreTrainedModel, given: Any) -> Tensor:
    found: Tensor | None = getattr(given, "logits", None)
    if found is None:
        raise NotApplicableError(
            f"Expected a model with a task head that gives logits; {type(model).__name__} gives none. Leave "
            "logits_weight at 0, or send the model with its head."
        )
    return found
