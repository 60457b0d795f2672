"""How figures are said: short, rounded, with their units."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_NAMES = 5
"""So many points are named in a sentence; of more, their number is said."""

_PREFIXES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


def amount(value: float) -> str:
    """Return *value* in three digits with an SI prefix: ``22.7 M``."""
    for size, prefix in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g}{prefix}"
    return f"{value:.3g}"


def number(value: float) -> str:
    """Return *value* in four decimals at most."""
    return f"{value:.4f}".rstrip("0").removesuffix(".")


def times(value: float) -> str:
    """Return *value*, a ratio of times, in two decimals."""
    return f"{value:.2f}"


def percent(share: float) -> str:
    """Return *share* in percent, in three digits."""
    return f"{100 * share:.3g} %"


def spread(values: Iterable[float], said: Any = number) -> str:
    """Return the least and the largest of *values*, or the one that they share."""
    ends = sorted(values)
    low, high = said(ends[0]), said(ends[-1])
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def listed(words: Sequence[str], joint: str = "and") -> str:
    """Return *words* as a list in a sentence."""
    return f" {joint} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def named(names: Sequence[str]) -> str:
    """Return the points' *names*, or how many they are where there are many."""
    return (
        listed(names)
        if len(names) <= MOST_NAMES
        else f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    )


def within(title: str) -> str:
    """Return *title* as it stands inside a sentence; a name keeps its capital."""
    return title if title[1:2].isupper() or title.startswith("Spearman") else title[0].lower() + title[1:]


def of_input(spec: Mapping[str, Any]) -> str:
    """Return what an input is, in words: ``10 s of audio, batch 1``."""
    if spec.get("preset"):
        return f"the utterances of the {spec['preset']} preset, {spec['seconds']:.1f} s of audio"
    units = (("seconds", "s of audio"), ("tokens", "tokens"), ("pixels", "pixels"))
    known = [f"{spec[name]:g} {unit}" for name, unit in units if spec.get(name) is not None]
    return f"{known[0] if known else spec['kind']}, batch {spec['batch_size']}"
