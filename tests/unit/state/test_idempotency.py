"""What is asked for twice with one key is made once."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import InvalidRequestError, KeyReusedError, RequestInFlightError, StorageError
from jobs.contract.spec import Json
from jobs.state.idempotency import Asked, Idempotency
from jobs.state.records import new_id

KEPT_S = 86_400
ASKED = Asked("acme", "key", "POST /v1/compressions", {"model": {"uri": "s3://models/tiny"}}, "job_1")
SECONDS = timedelta(seconds=1)


class Things:
    """Where things are made, by their ids."""

    def __init__(self) -> None:
        self.made: dict[str, Json] = {}
        self.fault: Exception | None = None

    def find(self, identifier: str) -> Json | None:
        """Return the thing."""
        return self.made.get(identifier)

    def make(self, identifier: str) -> Json:
        """Make the thing, unless something is wrong."""
        if self.fault is not None:
            raise self.fault
        return self.made.setdefault(identifier, {"id": identifier})


@pytest.fixture
def things() -> Things:
    """Return nothing yet."""
    return Things()


@pytest.fixture(params=["with Redis", "without Redis"])
def idempotency(
    memory: MemoryStore, redis: Redis, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[Idempotency]:
    """Return an empty memory of requests."""
    with Redis.from_url("redis://127.0.0.1:1/0") as nobody:
        yield Idempotency(memory, redis if request.param == "with Redis" else nobody, kept_s=KEPT_S, clock=clock)


def once(idempotency: Idempotency, things: Things, asked: Asked = ASKED) -> tuple[str, bool]:
    """Return the id of what is asked for, and whether it was there."""
    asked = replace(asked, identifier=new_id("job"))
    thing, replayed = idempotency.once(asked, find=things.find, make=things.make)
    return thing["id"], replayed


def test_the_second_gets_what_the_first_has_made(idempotency: Idempotency, things: Things) -> None:
    """The same key with the same request is the same thing, and one thing."""
    made, replayed = once(idempotency, things)

    assert (made[:4], replayed) == ("job_", False)
    assert [once(idempotency, things) for _ in range(2)] == [(made, True)] * 2
    assert list(things.made) == [made]


@pytest.mark.parametrize("other", [{"tenant": "other"}, {"key": "other"}])
def test_others_are_not_meant(idempotency: Idempotency, things: Things, other: dict[str, str]) -> None:
    """Another key, and another tenant's same key, are about something else."""
    first, second = once(idempotency, things), once(idempotency, things, replace(ASKED, **other))

    assert first[0] != second[0]
    assert (first[1], second[1]) == (False, False)


@pytest.mark.parametrize("other", [{"what": "POST /v1/plans"}, {"body": {"model": {"uri": "s3://models/other"}}}])
def test_a_key_is_for_one_request(idempotency: Idempotency, things: Things, other: dict[str, object]) -> None:
    """The same key with another body or address is refused, and the first request is still known."""
    made, _ = once(idempotency, things)
    with pytest.raises(KeyReusedError, match="POST /v1/compressions"):
        once(idempotency, things, replace(ASKED, **other))

    assert once(idempotency, things) == (made, True)


def test_what_was_refused_is_forgotten(idempotency: Idempotency, things: Things) -> None:
    """After a request that was refused the key is as good as new, for another request too."""
    things.fault = InvalidRequestError("too much")
    with pytest.raises(InvalidRequestError, match="too much"):
        once(idempotency, things)
    things.fault = None

    assert once(idempotency, things, replace(ASKED, body={}))[1] is False


def test_what_failed_is_made_under_the_same_name(idempotency: Idempotency, things: Things) -> None:
    """After a failure that may have left something behind, the next try makes the very thing that the first meant."""
    meant: list[str] = []

    def half_made(identifier: str) -> Json:
        meant.append(identifier)
        raise StorageError("The answer was lost.")

    with pytest.raises(StorageError):
        idempotency.once(ASKED, find=things.find, make=half_made)

    assert once(idempotency, things) == (meant[0], False)
    assert once(idempotency, things) == (meant[0], True)


def test_a_key_is_forgotten_after_its_time(idempotency: Idempotency, things: Things, clock: Clock) -> None:
    """For as long as published a key is known; afterwards it can begin something new."""
    made, _ = once(idempotency, things)
    clock.now += KEPT_S * SECONDS - SECONDS
    assert once(idempotency, things) == (made, True)
    clock.now += SECONDS

    assert once(idempotency, things, replace(ASKED, body={}))[1] is False
    assert len(things.made) == 2


def test_who_comes_meanwhile_is_told_so(memory: MemoryStore, redis: Redis, clock: Clock, things: Things) -> None:
    """While the first is being answered the second is asked to wait; another request with the key is refused."""
    idempotency, begun, go_on = Idempotency(memory, redis, kept_s=KEPT_S), threading.Event(), threading.Event()

    def slowly(identifier: str) -> Json:
        begun.set()
        go_on.wait(10)
        return things.make(identifier)

    first = threading.Thread(target=lambda: idempotency.once(ASKED, find=things.find, make=slowly))
    first.start()
    begun.wait(10)
    with pytest.raises(RequestInFlightError):
        once(idempotency, things)
    with pytest.raises(KeyReusedError):
        once(idempotency, things, replace(ASKED, body={}))
    go_on.set()
    first.join()

    assert once(idempotency, things) == (next(iter(things.made)), True)
    assert len(things.made) == 1


def test_many_at_once_make_one(memory: MemoryStore, redis: Redis, things: Things) -> None:
    """However many send it at the same moment, one thing is made, and whoever was asked to wait gets it then."""
    idempotency, start, answers = Idempotency(memory, redis, kept_s=KEPT_S), threading.Barrier(8), []

    def send() -> None:
        start.wait()
        try:
            answers.append(once(idempotency, things)[0])
        except RequestInFlightError:
            answers.append("later")

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(things.made) == 1
    assert set(answers) <= {*things.made, "later"}
    assert once(idempotency, things) == (*things.made, True)
