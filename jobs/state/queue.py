"""The queue: RQ as transport, never as truth. It carries a job's id and nothing else.

Tenants take turns: the first job of each goes before the second of any, whoever asked first. A tenant may be held to a
number of jobs at a time: no more of it are on the queue or under way, and the janitor puts the next there.

A job on it is written as JSON and may name one function only: whatever else somebody writes into Redis is refused by
``SafeJob`` before anything is imported.
"""

import logging
from collections.abc import Callable, Container, Iterable
from enum import StrEnum
from typing import Any

from redis import Redis
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.utils import import_attribute

from jobs.state.events import redis_errors
from jobs.state.records import Job as LedgerJob
from jobs.state.records import is_job_id

QUEUE_NAME = "modelpress"
TASK = "jobs.tasks.run_job"
SERIALIZER = "json"
RESULT_TTL_S = 0
"""Results live in the store: RQ forgets a job as soon as it has run."""
FAILURE_TTL_S = 86_400
"""How long RQ keeps the trace of a worker's surprise, for whoever operates it."""
_ODD = (ValueError, TypeError, KeyError, AttributeError, AssertionError)
"""What RQ raises where something else than RQ wrote what it reads."""
_CHOOSING_S = 10.0
"""How long one process may take to see that a tenant has room and to fill it, before others do [s]."""
log = logging.getLogger("modelpress.queue")
_TAKE_TURN = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
local function tenant(id) return string.match(id, '%-([^-].*)$', 32) or '' end
local waiting, mine, whose, turn, turns = redis.call('LRANGE', KEYS[1], 0, -1), tenant(ARGV[1]), {}, 1, {}
for place, id in ipairs(waiting) do
  whose[place] = tenant(id)
  if whose[place] == mine then turn = turn + 1 end
end
for place, id in ipairs(waiting) do
  turns[whose[place]] = (turns[whose[place]] or 0) + 1
  if turns[whose[place]] > turn then return redis.call('LINSERT', KEYS[1], 'BEFORE', id, ARGV[1]) end
end
return redis.call('RPUSH', KEYS[1], ARGV[1])
"""
"""Moves a job that waits behind all whose turn is as early: the n-th of a tenant goes before every (n+1)-th."""


class RefusedJobError(Exception):
    """What is on the queue is not one of our jobs."""


class Place(StrEnum):
    """Where an attempt is on its way to a worker."""

    WAITING = "waiting"
    TAKEN = "taken"
    """out of the queue, but not begun: for a moment only, unless its worker died"""
    BEGUN = "begun"
    ABSENT = "absent"


class SafeJob(Job):
    """An RQ job that can only be ``jobs.tasks.run_job(job_id)``: no other function, no callbacks, no webhooks."""

    @property
    def func(self) -> Any:
        """Return the one function.

        Raises:
            RefusedJobError: the job names another function, or other arguments than one job id.
        """
        self.ledger_id  # noqa: B018 - refuses what is not ours
        return import_attribute(TASK)

    @property
    def ledger_id(self) -> str:
        """Return the id of the job in the ledger.

        Raises:
            RefusedJobError: as ``func``.
        """
        args = tuple(self.args)
        plain = self.func_name == TASK and not self.instance and not self.kwargs
        if not plain or len(args) != 1 or not isinstance(args[0], str) or not is_job_id(args[0]):
            raise RefusedJobError(f"Expected {TASK}(job id) on the queue; got {self.func_name!r}. It was not run.")
        return args[0]

    @property
    def success_callback(self) -> None:
        """Return None: there are no callbacks."""

    @property
    def failure_callback(self) -> None:
        """Return None: there are no callbacks."""

    @property
    def stopped_callback(self) -> None:
        """Return None: there are no callbacks."""

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """Send nothing."""


class JobQueue:
    """Hands jobs to workers: always the attempt that comes next for the job as it was read.

    Args:
        redis: a client that does not decode its responses.
        most_running: how many jobs of a tenant may be under way at a time; 0: as many as there are workers.
    """

    def __init__(self, redis: "Redis", most_running: Callable[[str], int] = lambda _: 0) -> None:
        self._queue = Queue(QUEUE_NAME, connection=redis, job_class=SafeJob, serializer=SERIALIZER)
        self._take_turn = redis.register_script(_TAKE_TURN)
        self._most_running = most_running

    def enqueue(self, job: LedgerJob) -> None:
        """Put the job on the queue, unless it is there, or is one of a tenant whose jobs the janitor lets on in turn.

        Raises:
            QueueError: Redis failed; the janitor enqueues what was accepted.
        """
        if not self._most_running(job.tenant):
            self._announce(job)

    def let_on(self, job: LedgerJob) -> bool:
        """Put the job on the queue if its tenant has room for one more, and return whether it had.

        Raises:
            QueueError: Redis failed, or others take long to do the same for this tenant.
        """
        most = self._most_running(job.tenant)
        if not most:
            self._announce(job)
            return True
        redis = self._queue.connection
        with redis_errors(), redis.lock(f"modelpress:room:{job.tenant}", _CHOOSING_S, blocking_timeout=_CHOOSING_S):
            if self._on_their_way(job.tenant) >= most:
                return False
            self._announce(job)
            return True

    def _on_their_way(self, tenant: str) -> int:
        """Return how many of a tenant's jobs are on the queue or with a worker; asked in the order in which they go."""
        return sum(_tenant_of(each) == tenant for each in self.line() | self.taken())

    def _announce(self, job: LedgerJob) -> None:
        with redis_errors():
            try:
                self._queue.enqueue_call(
                    TASK,
                    args=(job.id,),
                    timeout=job.limits.run_timeout_s,
                    result_ttl=RESULT_TTL_S,
                    failure_ttl=FAILURE_TTL_S,
                    job_id=_transport_id(job),
                    description=job.id,
                    unique=True,
                )
            except DuplicateJobError:
                return
            self._take_turn(keys=[self._queue.key], args=[_transport_id(job)])

    def waiting(self) -> int:
        """Return how many jobs wait for a worker."""
        with redis_errors():
            return int(self._queue.count)

    def line(self) -> frozenset[str]:
        """Return all that wait for a worker, for ``is_in``: one look for many jobs."""
        with redis_errors():
            return _texts(self._queue.connection.lrange(self._queue.key, 0, -1))

    def taken(self) -> frozenset[str]:
        """Return all that a worker has taken or begun, for ``is_in``."""
        with redis_errors():
            redis, registry = self._queue.connection, StartedJobRegistry(queue=self._queue, job_class=SafeJob)
            taken, begun = redis.lrange(self._queue.intermediate_queue.key, 0, -1), redis.zrange(registry.key, 0, -1)
            return _texts(taken) | {each.partition(":")[0] for each in _texts(begun)}

    def is_in(self, job: LedgerJob, seen: Container[str]) -> bool:
        """Return whether the job's next attempt was among those *seen*."""
        return _transport_id(job) in seen

    def place(self, job: LedgerJob) -> Place:
        """Return where the job is."""
        with redis_errors():
            try:
                status = self._fetch(job).get_status(refresh=False)
            except (NoSuchJobError, *_ODD):
                return Place.ABSENT
            if status == JobStatus.STARTED:
                return Place.BEGUN
            if status != JobStatus.QUEUED:
                return Place.ABSENT
            position = self._queue.get_job_position(_transport_id(job))
        return Place.TAKEN if position is None else Place.WAITING

    def drop(self, job: LedgerJob) -> None:
        """Forget a job that will not begin, so that it can be enqueued again."""
        with redis_errors():
            self._queue.intermediate_queue.remove(_transport_id(job))
            try:
                self._fetch(job).delete()
            except NoSuchJobError:
                return
            except _ODD:  # nobody can read what RQ has of it
                self._queue.connection.delete(SafeJob.key_for(_transport_id(job)))
                self._queue.remove(_transport_id(job))

    def clean(self) -> None:
        """Let RQ notice which of its jobs were abandoned."""
        with redis_errors():
            try:
                StartedJobRegistry(queue=self._queue, job_class=SafeJob).cleanup()
            except _ODD as error:
                log.warning("RQ cannot read what it has of its jobs under way: %r", error)

    def server(self) -> str:
        """Return which Redis this is: another after each start."""
        with redis_errors():
            return str(self._queue.connection.info("server")["run_id"])

    def _fetch(self, job: LedgerJob) -> Job:
        return SafeJob.fetch(_transport_id(job), self._queue.connection, SERIALIZER)


def _transport_id(job: LedgerJob) -> str:
    return f"{job.id}-a{job.attempt + 1}-{job.tenant}"


def _texts(values: Iterable[Any]) -> frozenset[str]:
    """Return *values* as text, whatever somebody else wrote among them."""
    return frozenset(each.decode(errors="replace") for each in values)


def _tenant_of(transport_id: str) -> str:
    return transport_id.split("-", 2)[-1]
