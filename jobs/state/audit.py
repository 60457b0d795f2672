"""Who changed what, when, and how it ended: a log that only grows.

A note goes to a Redis stream, which costs a call no more than a round trip; the janitor moves what has gathered there
to objects ``audit/{day}/{first}-{last}.jsonl``. While Redis is away a note is an object of its own. Whoever reads puts
both together; a note that was moved twice is told once.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from redis import Redis
from ulid import ULID

from jobs.contract.errors import QueueError
from jobs.contract.spec import Json, canonical_json
from jobs.state.documents import UnreadableDocumentError, making_sense_of, parse_document
from jobs.state.events import redis_errors
from jobs.state.objects import ObjectStore
from jobs.state.records import format_time, utc_now

STREAM = "modelpress:audit"
_BATCH = 1000
log = logging.getLogger("modelpress.audit")


class AuditLog:
    """Takes notes, keeps and reads them.

    Args:
        store: keeps them.
        redis: gathers them; a client that decodes its responses.
        clock: tells the time.
    """

    def __init__(self, store: ObjectStore, redis: "Redis", clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._redis = redis
        self._clock = clock

    def note(self, *, who: str, tenant: str, what: str, outcome: str, **more: str) -> None:
        """Write down that *who* did *what* for *tenant*, and how it ended; *more* says from where and the like.

        No secret and nothing of a body belongs here.
        """
        entry = {"id": str(ULID()), "at": format_time(self._clock()), "who": who, "tenant": tenant, "what": what}
        text = canonical_json({**entry, "outcome": outcome, **more}).decode()
        try:
            with redis_errors():
                self._redis.xadd(STREAM, {"note": text})
        except QueueError:
            self._store.put(_key(text, entry["id"] or ""), text.encode())

    def gather(self) -> int:
        """Move what has gathered in Redis to the store, and return how many notes that were."""
        moved = 0
        while True:
            with redis_errors():
                found: Any = self._redis.xrange(STREAM, count=_BATCH)
            days: dict[str, list[str]] = defaultdict(list)
            for note, text in _notes(fields.get("note", "") for _, fields in found):
                days[note["at"][:10]].append(text)
            for texts in days.values():
                first, last = (json.loads(text)["id"] for text in (texts[0], texts[-1]))
                self._store.put_if_absent(_key(texts[0], f"{first}-{last}"), "\n".join(texts).encode())
            if found:
                with redis_errors():
                    self._redis.xdel(STREAM, *(identifier for identifier, _ in found))
            moved += len(found)
            if len(found) < _BATCH:
                return moved

    def read(self, day: str, tenant: str | None = None) -> Iterator[Json]:
        """Yield the notes of *day* (``YYYY-MM-DD``, UTC), of one *tenant* or of all, in their order."""
        texts = [text for key in self._keys(day) for text in self._store.get(key).decode(errors="replace").splitlines()]
        with redis_errors():
            found: Any = self._redis.xrange(STREAM)
        texts += [fields.get("note", "") for _, fields in found]
        notes = {note["id"]: note for note, _ in _notes(texts)}
        for note in sorted(notes.values(), key=lambda note: str(note["at"])):
            if note["at"].startswith(day) and tenant in (None, note["tenant"]):
                yield note

    def _keys(self, day: str) -> list[str]:
        return [found.key for found in self._store.list(f"audit/{day}/")]


def _notes(texts: Iterable[str]) -> Iterator[tuple[Json, str]]:
    """Yield what is noted in *texts*, each with its text; what is no note is told of in the log, and left out."""
    for text in texts:
        try:
            note = parse_document(text, "audit")
            with making_sense_of("audit"):
                _ = {name: note[name][:0] for name in ("id", "at", "tenant")}
        except UnreadableDocumentError as error:
            log.warning("No note of the audit: %r (%s)", text[:200], error)
            continue
        yield note, text


def _key(text: str, name: str) -> str:
    return f"audit/{json.loads(text)['at'][:10]}/{name}.jsonl"
