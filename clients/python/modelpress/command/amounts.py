"""Small values as people write them on a command line: shares, counts, durations, ``name=value``."""

import re

_NUMBER = re.compile(r"(?P<number>\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)(?P<unit>%|[kMG]|us|ms|s|m|h)?")
_UNITS = {"%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
LATENCY = "latency"


def number(text: str) -> float:
    """Return the number that *text* is, as ``1.5``, ``95%``, ``20M`` or ``1e-4``; raises ``ValueError``."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found["unit"] not in {None, *_UNITS}:
        raise ValueError(f"expected a number such as 0.5, 50% or 20M; got {text!r}")
    return round(float(found["number"]) * _UNITS.get(found["unit"] or "", 1.0), 12)


def seconds(text: str) -> float:
    """Return the duration that *text* is [s], as ``90``, ``90s``, ``30m`` or ``2h``; raises ``ValueError``."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found["unit"] not in _SECONDS:
        raise ValueError(f"expected a duration such as 90, 90s, 30m or 2h; got {text!r}")
    return float(found["number"]) * _SECONDS[found["unit"]]


def pair(text: str, example: str) -> tuple[str, str]:
    """Return the two sides of ``name=value``; raises ``ValueError``."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"expected something like {example}; got {text!r}")
    return name, value


def target(text: str, scope: str | None = None) -> dict[str, object]:
    """Return the target that *text* asks for: a share that is kept, or the largest figure allowed.

    ``macs=0.5`` and ``macs=50%`` are shares, ``params=20M`` and ``latency=20ms`` are largest figures. Raises
    ``ValueError``.
    """
    metric, amount = pair(text, "macs=0.5 or params=20M")
    more: dict[str, object] = {} if scope is None else {"scope": scope}
    if metric == LATENCY and amount.endswith("s"):
        return {"metric": metric, "max": round(seconds(amount) * 1e6), **more}
    value = number(amount)
    return {"metric": metric, **({"ratio": value} if value <= 1 else {"max": round(value)}), **more}
