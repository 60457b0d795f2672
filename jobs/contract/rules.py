"""What one parameter of a technique says about another: the part of JSON Schema that both sides read alike.

A rule is ``{"if": side, "then": side}``; a side holds of a document in which every ``required`` name is there and each
of the ``properties`` that is there has one of the values in its ``enum``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]


def side(values: Mapping[str, Sequence[Any]], defaults: Mapping[str, Any]) -> Json:
    """Return the side that holds where each name has one of its *values*; where none are listed, it is given at all.

    A name that is not given has its default, so it is required only where the default is none of the values.
    """
    properties = {name: {"enum": list(allowed)} for name, allowed in values.items() if allowed}
    required = [name for name, allowed in values.items() if defaults.get(name) not in allowed]
    return {"properties": properties} | ({"required": required} if required else {})


def breaches(rule: Json, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each name by which *document* breaks *rule*, and what was expected, why, and what came."""
    if any(True for _ in _missed(rule["if"], document)):
        return
    why = " and ".join(_words(rule["if"]))
    for name in _missed(rule["then"], document):
        came = repr(document[name]) if name in document else "nothing"
        yield name, f"expected {_values(rule['then'], name)} because of {why}; got {came}."


def _missed(wanted: Json, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names by which *document* is not what a side wants."""
    for name in dict.fromkeys((*wanted.get("required", ()), *wanted["properties"])):
        if not _has(wanted, name, document):
            yield name


def _has(wanted: Json, name: str, document: Mapping[str, Any]) -> bool:
    if name not in document:
        return name not in wanted.get("required", ())
    return name not in wanted["properties"] or document[name] in wanted["properties"][name]["enum"]


def _words(given: Json) -> Iterator[str]:
    for name in dict.fromkeys((*given["properties"], *given.get("required", ()))):
        values = given["properties"].get(name, {}).get("enum")
        yield f"{name} {_listed(values)}" if values else name


def _values(wanted: Json, name: str) -> str:
    values = wanted["properties"].get(name, {}).get("enum")
    return _listed(values) if values else "a value"


def _listed(values: Sequence[Any]) -> str:
    return " or ".join(repr(value).lower() if isinstance(value, bool) else str(value) for value in values)
