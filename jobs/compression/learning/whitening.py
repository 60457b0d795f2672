"""An optimizer that sees the inputs of every map whitened: what is rare moves as readily as what is common.

The inputs of a Transformer's maps are far from round: a few directions carry most of their power, and Adam, which
scales entry by entry, cannot see directions. With C the second moment of a map's inputs, λ a hundredth of its mean
diagonal, and ``A ∝ (C + λ I)^(-1/2)``, the map ``W x`` is ``V (A x)`` for ``V = W A⁻¹``, whose inputs are round.
Adam's step for V, from its gradient ``∂V = ∂W A``, is taken as ``W <- W + ΔV A``. W itself is never rewritten, so that
pruned weights can be held at zero. A is fixed, and scaled to keep a step's size.

Source: Desjardins et al. 2015, arXiv:1507.00210 (whitened coordinates); Benzing 2022, arXiv:2201.12250 (why the inputs'
half of K-FAC is what helps).
Differs: measured once, on the student as learning begins; symmetric root; no means taken away.
Cost: an eigendecomposition for each map at the beginning (2 s of a core for 3072 inputs), and two products of O × I × I
a step.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.activations import real_rows
from jobs.batches import Batch, device_of, inference, to_device, trunk_of
from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.compression.learning.machine import Machine
from jobs.compression.learning.matching import Matching
from jobs.compression.streams import listening

DAMPING = 0.01
SEEN = 32
"""Batches that the inputs are measured on, at most."""

Whitening = Mapping[nn.Parameter, Float[Tensor, "I I"]]
"""For each matrix, what makes its inputs round."""


class WhitenedAdam:
    """Adam for *parameters*, in the coordinates of *whitening* where a parameter has some.

    Attributes:
        adam: works on steps instead of weights: what it holds are moments.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], whitening: Whitening, machine: Machine) -> None:
        self._parameters, self._machine = parameters, machine
        self._whitening = [whitening.get(parameter) for parameter in parameters]
        self._steps = [nn.Parameter(torch.zeros_like(parameter)) for parameter in parameters]
        self.adam = torch.optim.AdamW(self._steps, weight_decay=0)
        self._prepared = machine.prepared(self.adam)

    def step(self, rate: float, largest: float) -> None:
        """Take a step at *rate* along the parameters' gradients, none longer than *largest* together; clear them."""
        for group in self.adam.param_groups:
            group["lr"] = rate
        for parameter, step, whiten in self._all():
            step.grad = parameter.grad if parameter.grad is None or whiten is None else parameter.grad @ whiten
            parameter.grad = None
            step.detach().zero_()
        self._machine.clip(self._steps, largest)
        self._prepared.step()
        with torch.no_grad():
            for parameter, step, whiten in self._all():
                parameter.add_(step if whiten is None else step @ whiten)

    def moments(self) -> dict[str, Tensor]:
        """Return all that the next step depends on beside weights and gradients."""
        return {
            f"{index}.{name}": value
            for index, step in enumerate(self._steps)
            for name, value in self.adam.state[step].items()
        }

    def resume(self, moments: Mapping[str, Tensor]) -> None:
        """Be as when ``moments`` gave these."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in moments.items():
            index, _, kind = name.partition(".")
            state.setdefault(int(index), {})[kind] = value
        self.adam.load_state_dict({**self.adam.state_dict(), "state": state})

    def _all(self) -> Iterator[tuple[nn.Parameter, nn.Parameter, Tensor | None]]:
        return zip(self._parameters, self._steps, self._whitening, strict=True)


def whitening_of(matching: Matching, batches: Sequence[Batch]) -> dict[nn.Parameter, Float[Tensor, "I I"]]:
    """Return what whitens the inputs of the student's matrices, as they are now."""
    spread = batches[:: max(len(batches) // SEEN, 1)][:SEEN]
    found: dict[nn.Parameter, Tensor] = {}
    for linear, moment in _moments(matching, spread).items():
        found[cast("nn.Parameter", linear.weight)] = inverse_root(moment)
        if isinstance(linear, FactorisedLinear):
            down = linear.weight.detach().double()
            found[linear.up] = inverse_root(down @ moment @ down.T)
    return {matrix: whiten.to(matrix) for matrix, whiten in found.items()}


def inverse_root(moment: Float[Tensor, "I I"]) -> Float[Tensor, "I I"]:
    """Return A, scaled so that its rows are of length one on average; of inputs that are always zero, no change.

    Single precision is enough beside the damping, and decomposes in less than half the time.
    """
    power = moment.diagonal().mean()
    if not power > 0:
        return torch.eye(len(moment), device=moment.device)
    values, vectors = torch.linalg.eigh((moment / power).float())
    root: Tensor = (vectors * (values.clamp_min(0) + DAMPING).rsqrt()) @ vectors.T
    scaled: Tensor = root / (root.square().sum() / len(root)).sqrt()
    return scaled


def _moments(matching: Matching, batches: Sequence[Batch]) -> dict[nn.Linear | FactorisedLinear, Float[Tensor, "I I"]]:
    """Return the sum of ``x xᵀ`` over the real positions that each of the student's maps is given."""
    student, anatomy = matching.student, matching.anatomy
    slots = [slot for layer in anatomy.layers(student) for slot in layer.slots]
    moments: dict[nn.Linear | FactorisedLinear, Tensor] = {}
    heard: list[tuple[int, Tensor]] = []
    with inference(student), listening(slots, lambda index, given: heard.append((index, given))):
        for batch in batches:
            heard.clear()
            here = to_device(batch, device_of(student))
            length = trunk_of(student)(**here).last_hidden_state.shape[1]
            real = anatomy.real_positions(student, here, length)
            for index, inputs in heard:
                rows, linear = real_rows(inputs, real), slots[index].linear
                moments[linear] = moments.get(linear, 0) + (rows.T @ rows).double()
    return moments
