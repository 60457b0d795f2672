"""Techniques and probes as they are written on a command line: ``head_pruning:heads_removed=0.5,scope=global``.

What there is comes from ``vocabulary.json``, generated from the catalogue and the contract, so that a slip of the pen
is found before anything is uploaded. A service that is newer may know more: its own catalogue is asked where a word is
not known here.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any

from modelpress.command.amounts import number, pair

Schema = Mapping[str, Any]


class UnknownWordError(ValueError):
    """A technique, probe or parameter that is not known here; a newer service may know it."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one kind.

    Attributes:
        tag: what the kind is called: ``technique`` or ``probe``.
        schemas: the JSON Schema of each one's parameters.
    """

    tag: str
    schemas: Mapping[str, Schema]

    def parse(self, text: str) -> dict[str, Any]:
        """Return the JSON form of *text*.

        Raises:
            UnknownWordError: its name, or that of a parameter, is not known.
            ValueError: a value is not what the parameter takes, or a parameter is missing.
        """
        name, _, rest = text.partition(":")
        if name not in self.schemas:
            raise UnknownWordError(unknown(self.tag, name, self.schemas))
        properties = self.schemas[name].get("properties", {})
        found: dict[str, Any] = {self.tag: name}
        for part in _split(rest):
            key, value = pair(part, f"{name}:{next(iter(properties), 'name')}=…")
            if key not in properties:
                raise UnknownWordError(unknown(f"parameter of {name}", key, properties))
            found[key] = _value(f"{name}: {key}", value, properties[key])
        _check_needed(name, found, self.schemas[name])
        return found


def packaged(tag: str) -> Vocabulary:
    """Return the words of the kind ``technique`` or ``probe`` that this release knows."""
    return Vocabulary(tag, {name: entry["parameters"] for name, entry in entries(tag).items()})


def entries(tag: str) -> dict[str, Schema]:
    """Return summary and parameters of each word of the kind *tag* that this release knows."""
    found: dict[str, Schema] = _document()[tag]
    return found


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files(__package__).joinpath("vocabulary.json").read_text(encoding="utf-8"))
    return found


def checked(of: str, value: Any, schema: Schema) -> Any:
    """Return *value*, which *of* is to be; raises ``ValueError`` where *schema* does not allow it."""
    if not _allowed(value, schema):
        raise ValueError(f"{of}: expected {expected(schema)}; got {value!r}")
    return value


def contract(name: str) -> Schema:
    """Return the contract's schema *name*."""
    found: Schema = _document()["schemas"][name]
    return found


def completions(tag: str, incomplete: str) -> list[str]:
    """Return what *incomplete* may go on as: names, then the parameters of one."""
    name, colon, rest = incomplete.partition(":")
    schemas = packaged(tag).schemas
    if not colon:
        return [f"{each}:" for each in schemas if each.startswith(incomplete)]
    before, comma, begun = rest.rpartition(",")
    keys = schemas.get(name, {}).get("properties", {})
    return [f"{name}:{before}{comma}{key}=" for key in keys if key.startswith(begun)]


def _split(text: str) -> list[str]:
    """Return the parts of *text* between commas, those within brackets aside."""
    depths = accumulate((character in "[{") - (character in "]}") for character in text)
    marked = "".join("\0" if each == "," and depth == 0 else each for each, depth in zip(text, depths, strict=True))
    return [part.strip() for part in marked.split("\0") if part.strip()]


def _value(of: str, text: str, schema: Schema) -> Any:
    """Return *text* as the first of the forms that *schema* allows."""
    for form in schema.get("oneOf") or schema.get("anyOf") or [schema]:
        try:
            value = _READERS[form["type"]](text, form)
        except ValueError:
            continue
        if _allowed(value, form):
            return value
    raise ValueError(f"{of}: expected {expected(schema)}; got {text!r}")


def _array(text: str, schema: Schema) -> list[Any]:
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(text)
    return [_value("item", each, schema["items"]) for each in _split(text[1:-1])]


def _boolean(text: str, _: Schema) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in {"true", "false"} else _refuse(text)


def _integer(text: str, _: Schema) -> int:
    value = number(text)
    return int(value) if value.is_integer() and not text.endswith("%") else _refuse(text)


def _reference(text: str, _: Schema) -> dict[str, str]:
    return {"uri": text}


def _refuse(text: str) -> Any:
    raise ValueError(text)


_READERS: dict[str, Callable[[str, Schema], Any]] = {
    "array": _array,
    "boolean": _boolean,
    "integer": _integer,
    "number": lambda text, _: number(text),
    "object": _reference,
    "string": lambda text, _: text,
}


def _allowed(value: Any, schema: Schema) -> bool:
    if "enum" in schema and value not in schema["enum"]:
        return False
    if not isinstance(value, int | float) or isinstance(value, bool):
        return True
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return bool(least <= value <= most and (above is None or above < value) and (below is None or value < below))


def expected(schema: Schema) -> str:
    """Return in words what *schema* takes."""
    forms = schema.get("oneOf") or schema.get("anyOf")
    if forms:
        return " or ".join(map(expected, forms))
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if schema["type"] == "array":
        return f"a list [{schema['items']['type']}, …]"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {schema[name]}" for name, word in words.items() if name in schema]
    return f"a{'n' if schema['type'][0] in 'aio' else ''} {schema['type']} {' and '.join(bounds)}".rstrip()


def _check_needed(name: str, found: Mapping[str, Any], schema: Schema) -> None:
    missing = [each for each in schema.get("required", ()) if each not in found]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}")
    alternatives = [each["required"][0] for each in schema.get("oneOf", ()) if "required" in each]
    given = [each for each in alternatives if each in found]
    if alternatives and len(given) != 1:
        came = " and ".join(given) or "none of them"
        raise ValueError(f"{name} needs exactly one of {', '.join(alternatives)}; got {came}")


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return in words that there is no *name* among the *known*, and which one may have been meant."""
    close = get_close_matches(name, list(known), n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"there is no {what} {name!r}. {meant}There are: {', '.join(known)}."
