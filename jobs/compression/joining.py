"""How the two blocks of a layer join the residual stream, found by what can be exchanged without a change.

What a block writes and what the stream holds are exchangeable where they are added: more of the one and as much less of
the other changes nothing. In a layer that normalises first, ``x + a · attention + f · feed_forward`` comes out, and the
feed-forward reads the sum of the first two; in one that normalises last, each sum is normalised and then read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.compression.specimen import Change, Heard, Specimen, same
from jobs.contract.errors import UnsupportedModelError


@dataclass(frozen=True, slots=True)
class Joins:
    """As in ``Family``."""

    norm_first: bool
    attention_scale: str = ""
    feed_forward_scale: str = ""


def joins_of(specimen: Specimen, heard: Heard, output: str, up: str, down: str) -> Joins:
    """Return how the blocks of a layer join the stream.

    Args:
        specimen: the layer.
        heard: in a run without changes.
        output: the map by which attention writes.
        up: the map by which the feed-forward reads.
        down: the map by which it writes.

    Raises:
        UnsupportedModelError: in neither of the two ways.
    """
    scale = _scale(specimen, heard, down, {})
    if scale is None:
        _check_normalised_last(specimen, heard, output, up, down)
        return Joins(norm_first=False)
    before = _scale_of_attention(specimen, heard, output, up, down)
    return Joins(True, *(_parameter(specimen.layer, each) for each in (before, scale)))


def _scale(specimen: Specimen, heard: Heard, writer: str, held: Mapping[str, Tensor]) -> Float[Tensor, " D"] | None:
    """Return what the output of *writer* is multiplied by in what the layer gives; None where it is not simply added.

    Args:
        specimen: a layer.
        heard: in a run without changes.
        writer: the map.
        held: what other maps give whatever they are given.
    """
    noise = specimen.noise(heard.gave[writer])
    moved = specimen.run({**_fixed(held), writer: lambda gave: gave + noise}).output - heard.output
    scale = (moved * noise).sum(dim=(0, 1)) / noise.square().sum(dim=(0, 1))
    return scale if same(moved, scale * noise) else None


def _scale_of_attention(specimen: Specimen, heard: Heard, output: str, up: str, down: str) -> Float[Tensor, " D"]:
    """Return what attention is multiplied by before it is added, and prove that the layer is the sum of three."""
    wrote = {name: heard.gave[name] for name in (output, down)}
    scale = _scale(specimen, heard, output, {down: wrote[down]})
    if scale is not None:
        noise = specimen.noise(specimen.hidden)
        carried = specimen.run(_fixed(wrote), beside=noise)
        exchanged = specimen.run(_fixed({output: wrote[output] - noise}), beside=scale * noise)
        if same(carried.output, heard.output + noise) and same(exchanged.given[up], heard.given[up]):
            return scale
    raise UnsupportedModelError(
        f"a layer that adds what {output} and {down} give to the hidden states that it is given, one after the other, "
        "was looked for; it does something else with them"
    )


def _check_normalised_last(specimen: Specimen, heard: Heard, output: str, up: str, down: str) -> None:
    """Refuse a layer unless it normalises ``x + attention`` to y, which *up* reads, and then ``y + feed_forward``."""
    wrote, noise = {name: heard.gave[name] for name in (output, down)}, specimen.noise(specimen.hidden)
    exchanged = specimen.run(_fixed({output: wrote[output] - noise}), beside=noise)
    other = specimen.run(_fixed({output: wrote[output]}), beside=noise)
    less = heard.given[up] - other.given[up]
    made_up_for = specimen.run(_fixed({**wrote, down: wrote[down] + less}), beside=noise)
    if not (same(exchanged.output, heard.output) and same(made_up_for.output, heard.output)):
        raise UnsupportedModelError(
            f"a layer that adds what {output} and {down} give to the residual stream was looked for; neither does it "
            "add both to what it gives, nor does it normalise a sum of each with what came before"
        )


def _fixed(outputs: Mapping[str, Tensor]) -> dict[str, Change]:
    """Return the changes by which maps give the *outputs* whatever they are given."""
    return {name: partial(_instead, wrote) for name, wrote in outputs.items()}


def _instead(wrote: Tensor, _: Tensor) -> Tensor:
    return wrote


def _parameter(layer: nn.Module, scale: Float[Tensor, " D"]) -> str:
    """Return the path of the parameter that *scale* is; empty for ones."""
    if same(scale, torch.ones_like(scale)):
        return ""
    for name, parameter in layer.named_parameters():
        if same(scale, parameter):
            return name
    raise UnsupportedModelError("a block multiplies its output by something that is no parameter of the layer")
