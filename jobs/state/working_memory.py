"""The ledger's quick half: one Redis hash a job, moved by compare-and-set, and one index a tenant.

All of it may be lost; the archive has what matters.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis

from jobs.contract.state import JobState
from jobs.state.documents import UnreadableDocumentError, making_sense_of
from jobs.state.events import EVENTS_MAX, TELL, Event, events_key, redis_errors
from jobs.state.records import Job, to_fields
from jobs.state.versions import NewerDocumentError, readable

TERMINAL_TTL_S = 7 * 86_400
"""How long a job that ended stays here; afterwards it is read from the archive."""
_BATCH = 100
_TERMINAL = frozenset(state.value for state in JobState if state.terminal)
log = logging.getLogger("modelpress.working_memory")

_CREATE = (
    TELL
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local fields = 4 + 3 * ARGV[3]
for i = 4, fields - 1, 3 do tell(KEYS[2], ARGV[2], ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
redis.call('HSET', KEYS[1], unpack(ARGV, fields))
if ARGV[1] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  redis.call('EXPIRE', KEYS[2], ARGV[1])
end
return 1
"""
)
_CHANGE = (
    TELL
    + """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {'missing', ''} end
if not string.find(ARGV[1], ',' .. state .. ',', 1, true) then return {'refused', state} end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return {'lost', state} end
if #ARGV > 8 then redis.call('HSET', KEYS[1], unpack(ARGV, 9)) end
redis.call('HINCRBY', KEYS[1], 'version', 1)
if ARGV[8] ~= '' then tell(KEYS[2], ARGV[5], ARGV[6], ARGV[7], ARGV[8]) end
if ARGV[4] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
end
return {'done', state}
"""
)


class Verdict(StrEnum):
    """What became of a change."""

    DONE = "done"
    MISSING = "missing"
    """no record here: rebuild it"""
    REFUSED = "refused"
    """the job is in another state"""
    LOST = "lost"
    """the guard does not hold: somebody else has moved the job"""


@dataclass(frozen=True, slots=True)
class Changed:
    """The verdict on a change, and the state that the job was in."""

    verdict: Verdict
    state: JobState | None

    @property
    def done(self) -> bool:
        """Return whether the change was made."""
        return self.verdict is Verdict.DONE


@dataclass(frozen=True, slots=True)
class Glance:
    """A job, and the texts of the record that it was read from: while they are the same, so is the job."""

    job: Job
    texts: Mapping[str, str]


class WorkingMemory:
    """Records and indexes in Redis; every method raises ``QueueError`` when Redis fails."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._create = redis.register_script(_CREATE)
        self._change = redis.register_script(_CHANGE)

    def create(self, job: Job, history: Sequence[Event]) -> bool:
        """Write a job and its *history* so far unless it is there; return whether it was written."""
        texts = [text for pair in job.to_hash().items() for text in pair]
        told = [argument for event in history for argument in event.to_arguments()]
        ttl = TERMINAL_TTL_S if job.state.terminal else 0
        with redis_errors():
            self._redis.zadd(_index_key(job.tenant), {job.id: 0})
            args = [ttl, EVENTS_MAX, len(history), *told, *texts]
            return bool(self._create(keys=[_record_key(job.id), events_key(job.id)], args=args))

    def read(self, job_id: str) -> Job | None:
        """Return the job as it is now.

        A record that nobody can read is dropped, as if it had been lost.

        Raises:
            NewerDocumentError: a newer release can read it.
        """
        return self._readable(job_id, self._texts(job_id))

    def glance(self, job_id: str, last: Glance | None) -> Glance | None:
        """Return the job as it is now: *last*, where that is so; None also for one of a newer release."""
        texts = self._texts(job_id)
        if last is not None and last.texts == texts:
            return last
        job = self._readable_or_none(job_id, texts)
        return Glance(job, texts) if job else None

    def read_many(self, job_ids: Iterable[str]) -> dict[str, Job | None]:
        """Return several jobs in one round trip, as ``read`` does; None for those of newer releases, too."""
        names = list(job_ids)
        with redis_errors(), self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hgetall(_record_key(name))
            found: Any = pipeline.execute()
        return {name: self._readable_or_none(name, texts) for name, texts in zip(names, found, strict=True)}

    def change(
        self,
        job_id: str,
        values: Mapping[str, Any],
        *,
        states: Iterable[JobState],
        guard: tuple[str, Any] = ("", ""),
        event: Event | None = None,
    ) -> Changed:
        """Set *values* if the job is in one of *states* and the field of *guard* has its value; tell *event*."""
        texts = [text for pair in to_fields(values).items() for text in pair]
        ttl = TERMINAL_TTL_S if "state" in values and values["state"].terminal else 0
        told = event.to_arguments() if event else [0, 0, ""]
        head = [f",{','.join(states)},", guard[0], guard[1], ttl, EVENTS_MAX, *told]
        with redis_errors():
            verdict, state = self._change(keys=[_record_key(job_id), events_key(job_id)], args=[*head, *texts])
        return Changed(Verdict(verdict), JobState(state) if state else None)

    def unended(self, tenant: str) -> Iterator[str]:
        """Yield every job of the tenant that has not ended by what is known here."""
        for job_ids in self.newest(tenant):
            with redis_errors(), self._redis.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.hget(_record_key(job_id), "state")
                states: Any = pipeline.execute()
            for job_id, state in zip(job_ids, states, strict=True):
                if state and state not in _TERMINAL:
                    yield job_id

    def doubt_index(self, tenant: str) -> None:
        """Have the tenant's index made anew from the archive when it is next asked for."""
        with redis_errors():
            self._redis.delete(_indexed_key(tenant))

    def forget(self, job_id: str) -> None:
        """Drop a record that the archive contradicts."""
        with redis_errors():
            self._redis.delete(_record_key(job_id))

    def bury(self, tenant: str, job_id: str) -> None:
        """Drop all there is of a job."""
        with redis_errors():
            self._redis.zrem(_index_key(tenant), job_id)
            self._redis.delete(_record_key(job_id), events_key(job_id))

    def is_indexed(self, tenant: str) -> bool:
        """Return whether the tenant's index is whole."""
        with redis_errors():
            return bool(self._redis.exists(_indexed_key(tenant)))

    def index(self, tenant: str, job_ids: Iterable[str]) -> None:
        """Write the tenant's whole index."""
        members = dict.fromkeys(job_ids, 0)
        with redis_errors():
            if members:
                self._redis.zadd(_index_key(tenant), members)
            self._redis.set(_indexed_key(tenant), 1)

    def newest(self, tenant: str, before: str = "") -> Iterator[list[str]]:
        """Yield the tenant's job ids in batches, newest first, beginning below the id *before*."""
        while True:
            top = f"({before}" if before else "+"
            with redis_errors():
                found: Any = self._redis.zrevrangebylex(_index_key(tenant), top, "-", start=0, num=_BATCH)
            yield found
            if len(found) < _BATCH:
                return
            before = found[-1]

    def _texts(self, job_id: str) -> Mapping[str, str]:
        with redis_errors():
            texts: Any = self._redis.hgetall(_record_key(job_id))
        return texts  # type: ignore[no-any-return]

    def _readable(self, job_id: str, texts: Mapping[str, str]) -> Job | None:
        try:
            with making_sense_of(_record_key(job_id)):
                return Job.from_hash(texts) if texts else None
        except UnreadableDocumentError as error:
            readable(dict(texts), "request")
            log.warning("%s is read from the archive: %s", job_id, error)
            self.forget(job_id)
            return None

    def _readable_or_none(self, job_id: str, texts: Mapping[str, str]) -> Job | None:
        try:
            return self._readable(job_id, texts)
        except NewerDocumentError:
            return None


def _record_key(job_id: str) -> str:
    return f"modelpress:{{{job_id}}}:record"


def _index_key(tenant: str) -> str:
    return f"modelpress:jobs:{tenant}"


def _indexed_key(tenant: str) -> str:
    return f"modelpress:jobs:{tenant}:whole"
