"""A layer under examination: its code with drawn weights, called as in a real pass, its maps heard and changed.

Trained weights can hide what code does: a factor of 1e-6 makes a whole block invisible, a zero bias a map that has
none. Numbers drawn at random hide nothing: what then holds to rounding holds for all weights but a few by chance.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.activations import hidden_states
from jobs.batches import inference

Call: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]
"""What a layer is called with beside its hidden states."""

Change: TypeAlias = Callable[[Tensor], Tensor]
"""What is made of the output of a map before the layer goes on with it."""


TOLERANCE = 1e-4
"""Largest difference of what counts as equal, relative to the size of what is compared."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What went through a layer in one run; maps that were not called exactly once are left out.

    Attributes:
        given: by the path of each map, its input.
        gave: by the path of each map, its output, changed if that was asked for.
        output: of the layer.
    """

    given: Mapping[str, Tensor]
    gave: Mapping[str, Tensor]
    output: Float[Tensor, "B T D"]


@dataclass(frozen=True, slots=True)
class Specimen:
    """One layer and what it is called with.

    Attributes:
        layer: with weights of its own.
        hidden: the hidden states that it is given.
        call: what it is given beside them.
    """

    layer: nn.Module
    hidden: Float[Tensor, "B T D"]
    call: Call
    chance: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def run(
        self, changes: Mapping[str, Change] | None = None, *, beside: Float[Tensor, "B T D"] | None = None
    ) -> Heard:
        """Return what is heard when maps give something else, and the hidden states have something *beside* them."""
        given: dict[str, list[Tensor]] = {}
        gave: dict[str, list[Tensor]] = {}

        def hear(name: str, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            changed = changes[name](output) if changes and name in changes else output
            given.setdefault(name, []).append(inputs[0])
            gave.setdefault(name, []).append(changed)
            return changed

        arguments, named = self.call
        with ExitStack() as hooks, inference(self.layer):
            for name, module in self.layer.named_modules():
                if isinstance(module, nn.Linear):
                    hooks.enter_context(module.register_forward_hook(partial(hear, name)))
            hidden = self.hidden if beside is None else self.hidden + beside
            output = hidden_states(self.layer(hidden, *arguments, **named))
        once = [name for name, each in given.items() if len(each) == 1 and each[0].ndim == self.hidden.ndim]
        return Heard({name: given[name][0] for name in once}, {name: gave[name][0] for name in once}, output)

    def noise(self, like: Tensor) -> Tensor:
        """Return normal noise of the shape of *like*."""
        return torch.randn(like.shape, generator=self.chance)

    def with_layer(self, layer: nn.Module) -> "Specimen":
        """Return another *layer* that is called with the same."""
        return Specimen(layer, self.hidden, self.call)

    def copied(self) -> "Specimen":
        """Return the same with a copy of the layer, to be changed."""
        return self.with_layer(deepcopy(self.layer))


def same(found: Tensor, wanted: Tensor) -> bool:
    """Return whether two results are equal but for rounding."""
    return found.shape == wanted.shape and float((found - wanted).norm()) <= TOLERANCE * float(wanted.norm())


def specimen_of(layer: nn.Module, hidden: Float[Tensor, "B T D"], call: Call) -> Specimen:
    """Return a copy of *layer* on the CPU, in single precision, with drawn weights and drawn hidden states.

    Args:
        layer: its parameters may be without bytes; only their shapes count.
        hidden: the hidden states of a real pass; only their shape counts.
        call: what that pass gives the layer beside them.
    """
    copy, chance = deepcopy(layer), torch.Generator().manual_seed(0)
    for path, parameter in list(copy.named_parameters()):
        owner, _, name = path.rpartition(".")
        drawn = nn.Parameter(_drawn(parameter, chance), requires_grad=False)
        setattr(copy.get_submodule(owner), name, drawn)
    arguments, named = call
    given = torch.randn(hidden.shape, generator=chance)
    return Specimen(copy.eval(), given, (_plain(arguments), _plain(named)))


def _drawn(parameter: Tensor, chance: torch.Generator) -> Tensor:
    """Return numbers that keep what flows at the size of one: matrices around zero, vectors around one."""
    if parameter.ndim > 1:
        inputs = parameter.numel() / parameter.shape[0]
        return torch.randn(parameter.shape, generator=chance).mul_(inputs**-0.5)
    return torch.rand(parameter.shape, generator=chance).add_(0.5)


def _plain(value: Any) -> Any:
    """Return *value* with every tensor in it on the CPU, numbers with a point in single precision."""
    match value:
        case Tensor():
            return value.detach().to("cpu", torch.float32 if value.is_floating_point() else value.dtype)
        case tuple() | list():
            return type(value)(_plain(each) for each in value)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    return value
