"""JSON documents of the service, read by attribute.

A record shows whatever the service sent: a newer service may add fields, states and techniques without breaking
anybody. What a field means is written in the service's OpenAPI document.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]


class Record(Mapping[str, Any]):
    """A JSON object whose fields are attributes, and a mapping for names that are no identifiers.

    Nested objects are records as well, and lists are tuples.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def to_json(self) -> Json:
        """Return the document as plain JSON values."""
        return dict(self._document)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle look for such names before the document is set
            raise AttributeError(name)
        try:
            return _record(self._document[name])
        except KeyError:
            known = ", ".join(self._document) or "nothing"
            raise AttributeError(f"No field {name!r}; this {type(self).__name__} has {known}.") from None

    def __getitem__(self, name: str) -> Any:
        return _record(self._document[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._document)

    def __len__(self) -> int:
        return len(self._document)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._document!r})"


class Event(Record):
    """One thing that happened to a job: id, at, type, stage, message, data. ``print`` shows it in a line."""

    def __str__(self) -> str:
        data = self.get("data") or {}
        count = f"{data['step']}/{data['steps']}" if {"step", "steps"} <= data.keys() else None
        return "  ".join(str(each) for each in (self.get("at"), self.get("stage"), count, self.get("message")) if each)


class Manifest(Record):
    """The files of a result, each with path, bytes and sha256, and where they came from."""


def _record(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Record(value)
    if isinstance(value, list):
        return tuple(_record(item) for item in value)
    return value
