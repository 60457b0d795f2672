"""Server-sent events: the messages that lines make up."""

import json
from dataclasses import dataclass, field

from modelpress.records import Json


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a stream."""

    name: str
    data: Json


@dataclass(slots=True)
class Frames:
    """Puts lines together to messages, in the way of server-sent events (WHATWG HTML, section 9.2)."""

    _fields: dict[str, str] = field(default_factory=dict)

    def read(self, line: str) -> Frame | None:
        """Return the message that *line* ends, if it ends one."""
        name, _, value = line.partition(":")
        if line and name:
            self._fields[name] = value.removeprefix(" ")
        if line:
            return None
        fields, self._fields = self._fields, {}
        return Frame(fields.get("event", "message"), json.loads(fields["data"])) if "data" in fields else None
