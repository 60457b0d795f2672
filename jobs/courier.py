"""``python -m jobs.courier``: takes webhooks to those who want them, in a process of its own.

What is due is found in the outbox (`jobs.state.deliveries`). An endpoint is served by one thread at a time, and those
that failed last share half of the threads, so slow receivers hold up nobody but themselves. Several couriers may run:
a lock in Redis keeps two from the same endpoint; without Redis a message may come twice, under the same id.
"""

import contextlib
import logging
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import TypeAlias

from redis import Redis
from redis.exceptions import RedisError

from jobs.contract.errors import StorageError
from jobs.delivering import Messenger
from jobs.posting import post
from jobs.pulse import beat
from jobs.settings import CourierSettings
from jobs.state.deliveries import Deliveries
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from jobs.state.opening import State
from jobs.state.outbox import Due
from jobs.state.records import utc_now
from jobs.state.settings import SettingsError, StateSettings
from jobs.telemetry.logs import configure, secrets_of
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tally import WEBHOOK_LAG_SECONDS, WEBHOOK_TRIES, Counted, Tally

BATCH = 20
"""Deliveries to one endpoint before others have their turn."""
TIDY_EVERY = timedelta(days=1)
GAUGES_LAPSE_S = 120
"""How long what a courier has shown is good for: an operator must see that it is gone."""
LOCK_S = 45
"""How long an endpoint stays with a courier that died: longer than any try takes."""
_STORE_FAILS = (StorageError, ObjectMissingError, AccessRefusedError)
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
log = logging.getLogger("modelpress.courier")

Place: TypeAlias = tuple[str, str]
"""Tenant and endpoint."""


class Locks:
    """Keeps two couriers from one endpoint, as long as Redis is there."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._release = redis.register_script(_RELEASE)

    @contextlib.contextmanager
    def hold(self, place: Place) -> Iterator[bool]:
        """Say whether the endpoint is ours until the block ends; without Redis it is."""
        key, token = f"modelpress:courier:{place[1]}", secrets.token_hex(8)
        try:
            held = bool(self._redis.set(key, token, nx=True, ex=LOCK_S))
        except RedisError:
            held = True
        try:
            yield held
        finally:
            if held:
                with contextlib.suppress(RedisError):
                    self._release(keys=[key], args=[token])


class Courier:
    """Hands what is due to threads, fairly.

    Args:
        deliveries: the outbox.
        messenger: makes a try.
        locks: keeps other couriers off.
        tally: counts tries, and shows how late they are.
        threads: tries at a time.
        clock: tells the time.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        messenger: Messenger,
        locks: Locks,
        tally: Tally,
        *,
        threads: int = 16,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._deliveries = deliveries
        self._messenger = messenger
        self._locks = locks
        self._tally = tally
        self._threads = threads
        self._clock = clock
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="courier")
        self._busy: dict[Place, Future[bool]] = {}
        self._failing: set[Place] = set()
        self._turns: dict[Place, int] = {}
        self._turn = 0
        self._tidied: datetime | None = None
        self._stopping = threading.Event()

    def round(self) -> int:
        """Begin with what is due, as far as there are threads for it; return to how many endpoints that goes."""
        self._look_after_busy()
        begun = 0
        for place, batch in self._batches():
            if self._may_begin(place):
                self._turn += 1
                self._turns[place] = self._turn
                self._busy[place] = self._pool.submit(self._serve, place, batch)
                begun += 1
        self._tidy()
        return begun

    def rest(self) -> None:
        """Return when all that was begun has ended."""
        wait(self._busy.values())
        self._look_after_busy()

    def stop(self) -> None:
        """Begin with nothing more, and return when the tries that are under way have ended."""
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _batches(self) -> Sequence[tuple[Place, list[Due]]]:
        """Return what is due, by endpoint: those that work before those that fail, who waited longest first."""
        found: dict[Place, list[Due]] = {}
        now, oldest = self._clock(), None
        for due in self._deliveries.due(now):
            oldest = oldest or due.at
            place = due.tenant, due.endpoint
            if place not in self._busy and len(batch := found.setdefault(place, [])) < BATCH:
                batch.append(due)
        lag = max((now - oldest).total_seconds(), 0) if oldest else 0
        self._tally.show("courier", [Counted(WEBHOOK_LAG_SECONDS, (), lag)], lapses_s=GAUGES_LAPSE_S)
        self._turns = {place: turn for place, turn in self._turns.items() if place in found or place in self._busy}
        return sorted(found.items(), key=lambda each: (each[0] in self._failing, self._turns.get(each[0], 0)))

    def _may_begin(self, place: Place) -> bool:
        if place not in self._failing:
            return len(self._busy) < self._threads
        failing = sum(each in self._failing for each in self._busy)
        return len(self._busy) < self._threads and failing < max(1, self._threads // 2)

    def _serve(self, place: Place, batch: Sequence[Due]) -> bool:
        """Try one delivery after the other until one fails; return whether none has."""
        for due in batch:
            with self._locks.hold(place) as held:
                if self._stopping.is_set() or not held:
                    return True
                taken = self._messenger.deliver(due)
            self._tally.add(WEBHOOK_TRIES, "taken" if taken else "failed")
            if not taken:
                return False
        return True

    def _look_after_busy(self) -> None:
        for place, future in list(self._busy.items()):
            if not future.done():
                continue
            del self._busy[place]
            try:
                works = future.result()
            except _STORE_FAILS as error:
                log.warning("%s is left for the next round: %s", place[1], error)
            except Exception:  # one endpoint that cannot be served must not cost the others their courier
                log.exception("%s is left for the next round.", place[1])
            else:
                (self._failing.discard if works else self._failing.add)(place)

    def _tidy(self) -> None:
        now = self._clock()
        if self._tidied is None or now - self._tidied >= TIDY_EVERY:
            self._tidied = now
            self._deliveries.tidy(now)


def main() -> int:
    """Deliver until told to stop."""
    try:
        state_settings, settings = StateSettings.from_env(), CourierSettings.from_env()
        configure(TelemetrySettings.from_env(), secrets_of(state_settings))
    except SettingsError as error:
        sys.exit(str(error))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    state = State.open(state_settings)
    tally = Tally(state.redis)
    messenger = Messenger(state.webhooks, state.deliveries, post)
    courier = Courier(state.deliveries, messenger, Locks(state.redis), tally, threads=settings.courier_threads)
    while not stop.is_set():
        beat("courier")
        try:
            courier.round()
        except _STORE_FAILS as error:
            log.warning("The round was cut short: %s", error)
        except Exception:  # what nobody can read must not cost all tenants their courier
            log.exception("The round was cut short.")
        stop.wait(settings.courier_s)
    courier.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
