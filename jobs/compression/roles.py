"""What each linear map of a layer is for, found by what changes where its output is changed; names say nothing.

In attention, with A the softmax of scores, each head gives ``A V`` to the output map:

- *value*: its rows are averaged, so a constant added to all of them arrives at the output map as it is;
- *query*: what it says at one position changes what arrives at that position and nowhere else;
- *key*: what it says at one position is heard at others;
- of query and key, one output of a head changes all that arrives from this head, and nothing of another.

In a feed-forward pair, an output of *up* changes the same input of *down* at the same position and nothing else, and
so does one of a gate; what arrives is linear in up and not in the gate.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from jobs.compression.joining import joins_of
from jobs.compression.specimen import TOLERANCE, Heard, Specimen, same
from jobs.contract.errors import UnsupportedModelError

SPEAKERS = 3
"""Positions, at least, at which each change is tried: the first in a text that is read from the left hears none."""


@dataclass(frozen=True, slots=True)
class Heads:
    """How the outputs of query, key and value divide.

    Attributes:
        size: outputs of a head.
        group: query heads to a head of key and value.
    """

    size: int
    group: int = 1


@dataclass(frozen=True, slots=True)
class Roles:
    """Where the maps of a layer are, by paths from it, and how the blocks join the stream.

    Attributes:
        query, key, value, output, up, down, gate: as in ``Family``.
        norm_first: as in ``Family``.
        attention_scale, feed_forward_scale: as in ``Family``.
    """

    query: str
    key: str
    value: str
    output: str
    up: str
    down: str
    gate: str
    norm_first: bool
    attention_scale: str
    feed_forward_scale: str


def roles_of(specimen: Specimen, heads: Heads) -> Roles:
    """Return what the maps of a layer are for.

    Raises:
        UnsupportedModelError: it is no attention and one feed-forward pair after it; says what is missing.
    """
    heard = specimen.run()
    query, key, value, output = _attention(specimen, heard, heads)
    up, down, gate = _feed_forward(specimen, heard, {query, key, value, output})
    _nothing_else(specimen, {query, key, value, output, up, down, gate})
    joins = joins_of(specimen, heard, output, up, down)
    return Roles(query, key, value, output, up, down, gate, *astuple(joins))


def _attention(specimen: Specimen, heard: Heard, heads: Heads) -> tuple[str, str, str, str]:
    """Return the paths of query, key, value and output."""
    found = [
        (query, key, value, output)
        for group in _groups(heard)
        for value in group
        for output in _averaged_into(specimen, heard, value, [name for name in heard.given if name not in group], heads)
        for query, key in _asked(specimen, heard, [name for name in group if name != value], output)
    ]
    if len(found) != 1:
        raise UnsupportedModelError(
            "one softmax attention was looked for in a layer, by its effect: query, key and value that read the same, "
            f"with heads of {heads.size} and {heads.group} of query to one of key, and the map that reads what they "
            f"give; {_several(found)} found among {_maps(heard, heard.given)}"
        )
    query, key, value, output = found[0]
    local = _places(heard.gave[query]) // SPEAKERS
    _check_apart(_Link(specimen, heard, query, output, at_once=local), heads.size, heads.size)
    _check_apart(_Link(specimen, heard, key, output), heads.size, heads.size * heads.group)
    return query, key, value, output


def _groups(heard: Heard) -> list[list[str]]:
    """Return the maps that read the same input, three or more together."""
    groups: list[list[str]] = []
    for name, given in heard.given.items():
        fellow = next((each for each in groups if torch.equal(heard.given[each[0]], given)), None)
        groups.append([name]) if fellow is None else fellow.append(name)
    return [group for group in groups if len(group) > 2]  # noqa: PLR2004 - query, key and value


def _averaged_into(specimen: Specimen, heard: Heard, value: str, readers: Sequence[str], heads: Heads) -> Iterator[str]:
    """Yield which of *readers* is given averages of what *value* gives: a constant added there arrives as it is."""
    outputs = heard.gave[value].shape[-1]
    if outputs % heads.size:
        return
    constant = specimen.noise(torch.empty(outputs))
    arriving = constant.view(-1, heads.size).repeat_interleave(heads.group, dim=0).flatten()
    shifted = specimen.run({value: lambda gave: gave + constant})
    for name in readers:
        if heard.given[name].shape[-1] == len(arriving):
            moved = shifted.given[name] - heard.given[name]
            if same(moved, arriving.expand_as(moved)):
                yield name


def _asked(specimen: Specimen, heard: Heard, names: Sequence[str], output: str) -> Iterator[tuple[str, str]]:
    """Yield query and key, if of *names* one is heard where it speaks and one elsewhere."""
    reach = {name: _reach(specimen, heard, name, output) for name in names}
    here = [name for name, where in reach.items() if where == {"here"}]
    elsewhere = [name for name, where in reach.items() if "elsewhere" in where]
    if len(here) == len(elsewhere) == 1:
        yield here[0], elsewhere[0]


def _reach(specimen: Specimen, heard: Heard, name: str, reader: str) -> set[str]:
    """Return where *reader* hears of a change in what a map gives at one position: here, elsewhere."""
    gave = heard.gave[name]
    at = torch.zeros(gave.shape[:2], dtype=torch.bool)
    at[0, gave.shape[1] // 2] = True
    changed = specimen.run({name: lambda gave: gave + specimen.noise(gave) * at[..., None]})
    moved = _moved(heard.given[reader], changed.given[reader]).any(dim=-1)
    places = {"here": moved[at], "elsewhere": moved[~at]}
    return {name for name, where in places.items() if bool(where.any())}


def _check_apart(link: "_Link", size: int, span: int) -> None:
    """Refuse heads that are heard in each other's place, or not in the whole of their own.

    Args:
        link: from query or key to the map that reads what heads give.
        size: how many outputs of the former are a head.
        span: how many inputs of the latter come from it.
    """
    outputs, inputs = link.heard.gave[link.speaker].shape[-1], link.heard.given[link.reader].shape[-1]
    count = outputs // size
    if count * size == outputs and count * span == inputs:
        some, first = _codes(count), torch.arange(outputs) % size == 0
        if torch.equal(link.tried(some.repeat_interleave(size, dim=1) & first), some.repeat_interleave(span, dim=1)):
            return
    raise UnsupportedModelError(
        f"heads that know nothing of each other were looked for in {link.speaker}, each {size} of its {outputs} "
        f"outputs and heard in {span} of the {inputs} inputs of {link.reader}; some are heard elsewhere"
    )


def _feed_forward(specimen: Specimen, heard: Heard, taken: set[str]) -> tuple[str, str, str]:
    """Return the paths of up, down and the gate, which is empty where there is none."""
    free = [name for name in heard.given if name not in taken]
    pairs = {down: [up for up in free if up != down and _is_pair(specimen, heard, up, down)] for down in free}
    found = [(ups, down) for down, ups in pairs.items() if ups]
    if len(found) != 1 or len(found[0][0]) > 2:  # noqa: PLR2004 - up and a gate
        raise UnsupportedModelError(
            "one feed-forward pair, perhaps with a gate, was looked for beside the attention, by its effect: units "
            f"that know nothing of each other; {_several([(*ups, down) for ups, down in found])} found among "
            f"{_maps(heard, free)}"
        )
    ups, down = found[0]
    if len(ups) == 1:
        return ups[0], down, ""
    linear = [up for up in ups if _is_linear(specimen, heard, up, down)]
    if not linear:
        raise UnsupportedModelError(f"one of {' and '.join(ups)} was expected to go into {down} as it is; neither does")
    up = linear[0]
    return up, down, next(each for each in ups if each != up)


def _is_pair(specimen: Specimen, heard: Heard, up: str, down: str) -> bool:
    """Return whether each output of *up* is heard in the same input of *down*, there alone."""
    units = heard.gave[up].shape[-1]
    if units != heard.given[down].shape[-1] or heard.gave[down].shape != specimen.hidden.shape:
        return False
    if _reach(specimen, heard, up, down) != {"here"}:
        return False
    some = _codes(units)
    moved = _Link(specimen, heard, up, down, at_once=_places(heard.gave[up])).tried(some)
    return torch.equal(moved.any(dim=1), some.any(dim=1)) and not bool((moved & ~some).any())


def _is_linear(specimen: Specimen, heard: Heard, up: str, down: str) -> bool:
    """Return whether twice the change in what *up* gives is twice the change in what *down* is given."""
    noise = specimen.noise(heard.gave[up])
    once = specimen.run({up: lambda gave: gave + noise}).given[down] - heard.given[down]
    twice = specimen.run({up: lambda gave: gave + 2 * noise}).given[down] - heard.given[down]
    return same(twice, 2 * once)


def _nothing_else(specimen: Specimen, known: set[str]) -> None:
    """Refuse a layer with matrices beside those of the *known* maps: nobody knows what they do with heads."""
    strangers = [
        name
        for name, parameter in specimen.layer.named_parameters()
        if parameter.ndim > 1 and name.removesuffix(".weight") not in known
    ]
    if strangers:
        raise UnsupportedModelError(
            f"a layer without further matrices was looked for; it also has {', '.join(strangers)}"
        )


@dataclass(frozen=True, slots=True)
class _Link:
    """From a map to one that hears of it, in a layer and a run of it without changes.

    Attributes:
        speaker: the map.
        reader: the map that hears of it.
        at_once: how many changes are tried in one run, each at other positions; one at all of them where what is said
            at one position is heard at others.
    """

    specimen: Specimen
    heard: Heard
    speaker: str
    reader: str
    at_once: int = 1

    def tried(self, sets: Bool[Tensor, "N O"]) -> Bool[Tensor, "N I"]:
        """Return which inputs of the reader change when some outputs of the speaker do, for each of *sets* of them."""
        found, gave = [], self.heard.gave[self.speaker]
        for some in torch.split(sets, max(1, self.at_once)):
            which = torch.arange(_places(gave)) % len(some)
            noise = 3 * self.specimen.noise(gave) * some[which].view(gave.shape)
            changed = self.specimen.run({self.speaker: partial(torch.add, noise)})
            moved = _moved(self.heard.given[self.reader], changed.given[self.reader]).flatten(0, 1)
            found += [moved[which == index].any(dim=0) for index in range(len(some))]
        return torch.stack(found)


def _places(states: Float[Tensor, "B T W"]) -> int:
    return states.shape[0] * states.shape[1]


def _moved(before: Float[Tensor, "B T I"], after: Float[Tensor, "B T I"]) -> Bool[Tensor, "B T I"]:
    return (after - before).abs() > TOLERANCE * before.abs().mean()


def _codes(count: int) -> Bool[Tensor, "N _"]:
    """Return few subsets of *count* things such that of any two each is once in one without the other."""
    bits = torch.arange(max(1, (count - 1).bit_length()))
    some = (torch.arange(count) >> bits[:, None]) % 2 == 1
    return torch.cat([some, ~some])


def _several(found: Sequence[tuple[str, ...]]) -> str:
    """Return in words what was found, each with the maps that it consists of."""
    return ", and ".join(" with ".join(each) for each in found) or "none"


def _maps(heard: Heard, names: Iterable[str]) -> str:
    """Return in words the maps that were heard, with their sizes."""
    sizes = (f"{name} ({heard.given[name].shape[-1]} to {heard.gave[name].shape[-1]})" for name in names)
    return ", ".join(sizes) or "no linear maps of hidden states"
