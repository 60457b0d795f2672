"""A store and a Redis any of whose calls may fail, before it took effect or after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

from redis import Connection, ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from jobs.contract.errors import StorageError

STORE, REDIS = "store", "redis"


@dataclass(frozen=True, slots=True)
class Fault:
    """Some calls in a row that fail.

    Attributes:
        where: ``store`` or ``redis``.
        nth: the first of them, counted from 0 within one step of the test.
        times: how many.
        late: whether they take effect before they fail.
    """

    where: str
    nth: int
    times: int
    late: bool


class Luck:
    """Decides which calls fail: those of the fault that is under way, if any."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._seen = 0

    @contextmanager
    def out(self, fault: Fault | None) -> Iterator[None]:
        """Let *fault* happen within the block."""
        self._fault, self._seen = fault, 0
        try:
            yield
        finally:
            self._fault = None

    def fails(self, where: str) -> Fault | None:
        """Count a call and return the fault that it meets."""
        fault = self._fault
        if fault is None or fault.where != where:
            return None
        place, self._seen = self._seen, self._seen + 1
        return fault if fault.nth <= place < fault.nth + fault.times else None


class FaultyStore:
    """The store *store*, with some *luck*."""

    def __init__(self, store: Any, luck: Luck) -> None:
        self._store = store
        self._luck = luck

    def __getattr__(self, name: str) -> Any:
        """Return the store's method, which may fail."""
        method: Callable[..., Any] = getattr(self._store, name)

        def called(*args: Any, **options: Any) -> Any:
            fault = self._luck.fails(STORE)
            if fault is not None and not fault.late:
                raise StorageError("The store is away.")
            answer = method(*args, **options)
            if fault is not None:
                raise StorageError("The store did not answer.")
            return iter(list(answer)) if isinstance(answer, GeneratorType) else answer

        return called


class FaultyConnection(Connection):
    """A connection to Redis that breaks before a command was sent, or before its answer is read."""

    def __init__(self, *, luck: Luck, **options: Any) -> None:
        super().__init__(**options)
        self._luck = luck
        self._met: Fault | None = None

    def send_packed_command(self, *args: Any, **options: Any) -> Any:
        """Send, or break."""
        self._met = self._luck.fails(REDIS)
        if self._met is not None and not self._met.late:
            raise RedisConnectionError("broken before sending")
        return super().send_packed_command(*args, **options)

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read, and break if the command was one that should."""
        met, self._met = self._met, None
        answer = super().read_response(*args, **options)
        if met is not None:
            raise RedisConnectionError("broken before the answer")
        return answer


def faulty_redis(url: str, luck: Luck, *, decode: bool) -> "Redis":
    """Return a client of the Redis at *url* whose calls fail as *luck* will have it; it tries each twice."""
    pool = ConnectionPool.from_url(
        url, connection_class=FaultyConnection, luck=luck, decode_responses=decode, retry=Retry(NoBackoff(), 1)
    )
    return Redis(connection_pool=pool)
