"""The courier: fair to every endpoint, alone at each, and at peace with stores that fail."""

import threading
from collections.abc import Callable, Iterator

import pytest
from receivers import World
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import StorageError
from jobs.courier import BATCH, Courier, Locks
from jobs.posting import Answer
from jobs.state.webhooks import Endpoint
from jobs.telemetry.tally import WEBHOOK_LAG_SECONDS, WEBHOOK_TRIES, Counted, Tally

THREADS = 4
MakeCourier = Callable[[], Courier]


@pytest.fixture
def world(memory: MemoryStore, clock: Clock) -> World:
    """Return a world without endpoints."""
    return World(memory, clock)


@pytest.fixture
def make_courier(world: World, redis: Redis) -> Iterator[MakeCourier]:
    """Return what starts couriers, each with four threads, stopped when the test ends."""
    made = []

    def make() -> Courier:
        made.append(
            Courier(world.deliveries, world.messenger, Locks(redis), Tally(redis), threads=THREADS, clock=world.clock)
        )
        return made[-1]

    yield make
    for each in made:
        each.stop()


def endpoint_at(world: World, host: str, messages: int) -> Endpoint:
    """Return a new endpoint at *host* for which so many messages are due."""
    endpoint = world.webhooks.create("acme", {"url": f"https://{host}.example.com/"})
    for _ in range(messages):
        world.deliveries.test(endpoint, world.clock())
    return endpoint


def hosts(world: World) -> list[str]:
    """Return who has got something, in order."""
    return [each.url.removeprefix("https://").partition(".")[0] for each in world.sent]


def test_what_is_due_arrives(world: World, make_courier: MakeCourier) -> None:
    """A round brings everything that is due, and the next finds nothing left."""
    endpoint_at(world, "a", 3)
    endpoint_at(world, "b", 1)
    courier = make_courier()

    assert courier.round() == 2
    courier.rest()
    assert sorted(hosts(world)) == ["a", "a", "a", "b"]
    assert courier.round() == 0


def test_slow_receivers_hold_up_nobody_else(world: World, make_courier: MakeCourier) -> None:
    """While more receivers than there are threads hang, one that works gets its message in the next rounds."""
    waiting, release = threading.Semaphore(0), threading.Event()
    for name in ("s1", "s2", "s3", "s4", "s5"):
        endpoint_at(world, name, 2)
    courier = make_courier()
    world.answers(500)
    courier.round()
    courier.rest()
    courier.round()
    courier.rest()  # all five are known to fail by now

    def hang() -> Answer:
        if not world.sent[-1].url.startswith("https://s"):
            return Answer(204, None)
        waiting.release()
        release.wait(10)
        return Answer(500, None)

    for endpoint in world.webhooks.of("acme"):
        world.deliveries.test(endpoint, world.clock())
    world.answer = hang
    courier.round()
    hanging = [waiting.acquire(timeout=10) for _ in range(THREADS // 2)]
    endpoint_at(world, "good", 1)
    courier.round()
    arrived = threading.Event()
    for _ in range(1000):
        if "good" in hosts(world):
            break
        arrived.wait(0.01)
    held = not release.is_set()
    release.set()

    assert all(hanging)
    assert held
    assert hosts(world).count("good") == 1


def test_a_long_backlog_does_not_keep_others_waiting(world: World, make_courier: MakeCourier) -> None:
    """An endpoint for which much is due is served in batches, between which others have their turn."""
    endpoint_at(world, "busy", 2 * BATCH)
    courier = make_courier()
    courier.round()
    courier.rest()
    first = len(world.sent)
    endpoint_at(world, "late", 1)
    courier.round()
    courier.rest()

    assert first == BATCH
    assert hosts(world).count("late") == 1


def test_two_couriers_do_not_serve_one_endpoint_at_once(world: World, make_courier: MakeCourier) -> None:
    """While one courier is at an endpoint another leaves it alone."""
    endpoint_at(world, "a", 1)
    begun, release = threading.Event(), threading.Event()

    def hang() -> Answer:
        begun.set()
        release.wait(10)
        return Answer(204, None)

    world.answer = hang
    one, two = make_courier(), make_courier()
    one.round()
    begun.wait(10)
    two.round()
    two.rest()
    release.set()
    one.rest()

    assert len(world.sent) == 1


def test_couriers_do_without_redis(world: World) -> None:
    """Without Redis messages arrive all the same."""
    endpoint_at(world, "a", 1)
    away = Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True)
    courier = Courier(world.deliveries, world.messenger, Locks(away), Tally(away), threads=2, clock=world.clock)
    courier.round()
    courier.rest()
    courier.stop()

    assert hosts(world) == ["a"]
    assert world.outbox() == []


def test_an_emptied_redis_loses_nothing(world: World, make_courier: MakeCourier, redis: Redis) -> None:
    """What waits is in the store: after FLUSHALL it arrives."""
    endpoint_at(world, "a", 1)
    redis.flushdb()
    courier = make_courier()
    courier.round()
    courier.rest()

    assert hosts(world) == ["a"]


def test_a_store_that_fails_is_waited_for(
    world: World, make_courier: MakeCourier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be read now is left for a later round, and a fault at one endpoint does not stop the courier."""
    endpoint_at(world, "a", 1)
    courier, read = make_courier(), world.webhooks.show

    def fail(tenant: str, endpoint_id: str) -> Endpoint:
        raise failures.pop()

    failures: list[Exception] = [RuntimeError("a surprise"), StorageError("The store is away.")]
    monkeypatch.setattr(world.webhooks, "show", fail)
    monkeypatch.setattr(world.deliveries, "tidy", lambda now: 0)
    for _ in range(2):
        courier.round()
        courier.rest()
    monkeypatch.setattr(world.webhooks, "show", read)
    courier.round()
    courier.rest()

    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert hosts(world) == ["a"]


def test_an_operator_sees_how_late_webhooks_are(
    world: World, make_courier: MakeCourier, redis: Redis, clock: Clock
) -> None:
    """What waits since 40 s is shown as that lag; each try is counted, and when all is delivered nothing is late."""
    endpoint_at(world, "a", 2)
    clock.pass_seconds(40)
    courier, tally = make_courier(), Tally(redis)
    courier.round()
    late = list(tally.gauges("courier"))
    courier.rest()
    courier.round()

    assert late == [Counted(WEBHOOK_LAG_SECONDS, (), 40)]
    assert list(tally.counters()) == [Counted(WEBHOOK_TRIES, ("taken",), 2)]
    assert list(tally.gauges("courier")) == [Counted(WEBHOOK_LAG_SECONDS, (), 0)]
