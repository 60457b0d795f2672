"""Figures in words: what a reader sees of counts, bytes, times and inputs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NONE = "–"
SHORTEST_S = 0.01
_THIN = "\u202f"
_PREFIXES = ("bytes", "kB", "MB", "GB", "TB")
_LENGTHS = (("seconds", "s of audio"), ("tokens", "tokens"), ("pixels", "pixels wide"))


def count(value: float) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", _THIN)


def size(value: float) -> str:
    """Return *value* bytes in the unit that suits it."""
    power = 0
    while value >= 1000 and power < len(_PREFIXES) - 1:  # noqa: PLR2004 - a prefix is a thousand
        value, power = value / 1000, power + 1
    return f"{value:.{1 if power else 0}f}{_THIN}{_PREFIXES[power]}"


def number(value: float) -> str:
    """Return *value* with four digits that say something, or whole."""
    return count(value) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"  # noqa: PLR2004 - exact


def percent(part: float, whole: float) -> str:
    """Return which share of *whole* is *part*."""
    return f"{100 * part / whole:.1f}{_THIN}%" if whole else NONE


def moment(at: datetime | None) -> str:
    """Return a time as people write it."""
    return NONE if at is None else at.astimezone(UTC).strftime("%d %b %Y, %H:%M UTC")


def duration(seconds: float) -> str:
    """Return how long *seconds* are, in two units."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.3g} s" if seconds >= SHORTEST_S else f"under {SHORTEST_S} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def length(spec: Mapping[str, Any]) -> str:
    """Return what a model was measured on."""
    if spec.get("preset"):
        return f"the utterances of {spec['preset']}"
    known = [f"{spec[name]:g} {unit}" for name, unit in _LENGTHS if spec.get(name) is not None]
    return f"batch {spec['batch_size']}, {known[0] if known else spec['kind']}"


def value(said: Any) -> str:
    """Return a value of a request or report in a few words."""
    if isinstance(said, bool):
        return "yes" if said else "no"
    if isinstance(said, int | float):
        return number(said)
    if isinstance(said, Mapping):
        return pairs(said)
    if isinstance(said, list | tuple):
        return ", ".join(value(each) for each in said) or "none"
    return NONE if said is None else str(said)


def pairs(said: Mapping[str, Any]) -> str:
    """Return names and values, as a sentence lists them."""
    return "; ".join(f"{plain(name)} {value(each)}" for name, each in said.items()) or NONE


def plain(name: str) -> str:
    """Return an identifier as words."""
    return name.replace("_", " ")


def capital(text: str) -> str:
    """Return *text* as a sentence begins, the rest of it as it is."""
    return text[:1].upper() + text[1:]
