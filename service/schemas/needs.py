"""When a request must bring data: said by the catalogue, published in the schema, enforced before a job is queued."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from marshmallow import ValidationError

from jobs.contract.catalogue import CatalogueEntry, any_of
from jobs.contract.errors import DataRequiredError
from service.schemas.base import Json
from service.schemas.fields import CodedMessage


@dataclass(frozen=True, slots=True)
class Need:
    """A technique learns from data: always, when its parameters have these values, or unless they have them.

    Attributes:
        technique: its name.
        word: ``always``, ``when`` or ``unless``.
        values: of the parameters that decide.
        defaults: of the same parameters, where they have one.
    """

    technique: str
    word: str
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, entry: CatalogueEntry) -> Self | None:
        """Return the need that *entry* states, or None when it never learns."""
        stated: Mapping[str, Any] = entry["needs_data"]
        word, said = next(iter(stated.items()), ("always", False))
        if said is False:
            return None
        values: Mapping[str, Any] = {} if said is True else said
        known = entry["parameters"]["properties"]
        return cls(entry["name"], word, values, {name: known[name].get("default") for name in values})

    def json_schema(self) -> Json:
        """Return what a step that learns looks like."""
        step: Json = {"required": ["technique"], "properties": {"technique": {"const": self.technique}}}
        asked = [name for name, said in self.values.items() if self.defaults[name] not in any_of(said)]
        same = {"properties": {name: _one_of(said) for name, said in self.values.items()}, "required": asked}
        by_word: Mapping[str, Json] = {"always": {}, "when": {"allOf": [same]}, "unless": {"not": same}}
        return step | by_word[self.word]

    def applies(self, step: Mapping[str, Any]) -> bool:
        """Return whether *step* learns."""
        same = all(step.get(name, self.defaults[name]) in any_of(said) for name, said in self.values.items())
        return step.get("technique") == self.technique and same == (self.word != "unless")


@dataclass(frozen=True, slots=True)
class DataWhenNeeded:
    """``data`` is there when a step or the recovery learns."""

    needs: Sequence[Need]

    def json_schema(self) -> Json:
        """Return a condition over what holds the steps and ``recovery``."""
        wants = ([self.learning()] if self.needs else []) + [{"required": ["recovery"]}]
        return {"if": {"anyOf": wants}, "then": {"required": ["data"]}}

    def check(self, document: Mapping[str, Any]) -> None:
        """Refuse a request that learns from nothing."""
        if "data" not in document and (who := self._learner(document)):
            text = f"{who} learns from data; add data: {{uri: s3://bucket/prefix or upload://id}}."
            raise ValidationError({"data": [CodedMessage(text, DataRequiredError.code)]})

    def learning(self) -> Json:
        """Return what a document with a step that learns looks like."""
        return _having("steps", {"anyOf": [need.json_schema() for need in self.needs]})

    def steps(self, document: Mapping[str, Any]) -> Iterator[Any]:
        """Yield what *document* has in the place of steps."""
        yield from _listed(document.get("steps"))

    def _learner(self, document: Mapping[str, Any]) -> str | None:
        for step in self.steps(document):
            if isinstance(step, dict) and any(need.applies(step) for need in self.needs):
                return str(step["technique"])
        return "recovery" if "recovery" in document else None


@dataclass(frozen=True, slots=True)
class DataWhenPointsNeed(DataWhenNeeded):
    """``data`` is there when a step of a point or the recovery learns; what a grid asks for can do without."""

    def learning(self) -> Json:
        """Return what a document with a point that learns looks like."""
        return _having("points", DataWhenNeeded.learning(self))

    def steps(self, document: Mapping[str, Any]) -> Iterator[Any]:
        """Yield what the points of *document* have in the place of steps."""
        for point in _listed(document.get("points")):
            if isinstance(point, dict):
                yield from DataWhenNeeded.steps(self, point)


def _having(name: str, item: Json) -> Json:
    """Return what an object looks like whose array *name* has such an *item*."""
    return {"required": [name], "properties": {name: {"contains": item}}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _one_of(said: Any) -> Json:
    values = any_of(said)
    return {"const": values[0]} if len(values) == 1 else {"enum": values}
