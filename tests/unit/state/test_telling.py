"""Events keep their ids whatever becomes of Redis: who goes on reading is told each state once."""

from collections.abc import Callable

import pytest
from redis import Redis

from jobs.contract.errors import StorageError
from jobs.contract.spec import Json
from jobs.contract.state import JobState
from jobs.state import events
from jobs.state.events import EventLog
from jobs.state.ledger import Ledger
from jobs.state.records import Lease

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}
PROGRESS = {"stage": "compress", "step": 1, "steps": 2, "fraction": 0.5}


class Life:
    """A job and its doings, one after the other, and a reader who looks in between."""

    def __init__(self, ledger: Ledger, redis: Redis) -> None:
        self.ledger, self.redis, self.log = ledger, redis, EventLog(redis)
        self.id = ledger.accept("acme", "compression", REQUEST).id
        self.lease: Lease | None = None
        self.heard: list[Json] = []

    def listen(self) -> None:
        """Hear what has been told since the last time."""
        self.ledger.show("acme", self.id)
        self.heard += self.log.page(self.id, after=self.heard[-1]["id"] if self.heard else "")

    def states(self) -> list[str]:
        """Return the states heard of, with their attempts."""
        return [f"{each['data']['state']} {each['data']['attempt']}" for each in self.heard if each["type"] == "state"]

    def begin(self) -> None:
        """Begin an attempt; where Redis forgot that the one before was given up, as the janitor would."""
        if (lease := self.ledger.claim(self.id, "w1")) is None:
            self.ledger.abandon(self.ledger.find(self.id), StorageError("away"))
            lease = self.ledger.claim(self.id, "w1")
        self.lease = lease

    def report(self) -> None:
        """Tell how far it is."""
        self.ledger.progress(self.lease, PROGRESS)

    def fail(self) -> None:
        """End the attempt, for another to begin."""
        self.ledger.give_up(self.lease, StorageError("away"), stage=None)

    def succeed(self) -> None:
        """End the job."""
        self.ledger.finish(self.lease, JobState.SUCCEEDED)

    def cancel(self) -> None:
        """Ask for the end, and end."""
        self.ledger.request_cancel("acme", self.id)
        self.ledger.give_up(self.lease, StorageError("away"), stage=None)


COURSES: dict[str, list[Callable[[Life], None]]] = {
    "succeeds": [Life.begin, Life.report, Life.report, Life.succeed],
    "is repeated": [Life.begin, Life.report, Life.fail, Life.begin, Life.report, Life.succeed],
    "is cancelled": [Life.begin, Life.report, Life.cancel],
}
STATES = {
    "succeeds": ["queued 0", "running 1", "succeeded 1"],
    "is repeated": ["queued 0", "running 1", "queued 1", "running 2", "succeeded 2"],
    "is cancelled": ["queued 0", "running 1", "cancelling 1", "cancelled 1"],
}


@pytest.mark.parametrize("lost_after", range(7))
@pytest.mark.parametrize("deaf_from", range(7))
@pytest.mark.parametrize("course", COURSES)
def test_each_state_is_heard_once(ledger: Ledger, redis: Redis, course: str, lost_after: int, deaf_from: int) -> None:
    """Redis loses everything at some moment, the reader was away since some other: they hear of each state once."""
    life = Life(ledger, redis)
    for number, step in enumerate(COURSES[course]):
        if number <= deaf_from:
            life.listen()
        if number == lost_after:
            redis.flushdb()
        step(life)
    life.listen()

    assert life.states() == STATES[course]
    assert len({each["id"] for each in life.heard}) == len(life.heard)


@pytest.mark.parametrize("course", COURSES)
def test_the_archive_tells_the_same(ledger: Ledger, redis: Redis, course: str) -> None:
    """What is told again has the ids, the times and the data that it had, but for why an attempt was repeated."""
    life = Life(ledger, redis)
    for step in COURSES[course]:
        step(life)
    life.listen()
    before = [(each["id"], each["at"], each["data"]["state"]) for each in life.heard if each["type"] == "state"]
    redis.flushdb()
    life.heard = []
    life.listen()

    assert [(each["id"], each["at"], each["data"]["state"]) for each in life.heard] == before


def test_progress_goes_on_after_a_loss(ledger: Ledger, redis: Redis) -> None:
    """What is reported after Redis came back empty is heard by those who had heard more before."""
    life = Life(ledger, redis)
    life.begin()
    for _ in range(5):
        life.report()
    life.listen()
    redis.flushdb()
    life.report()
    life.listen()

    assert [each["type"] for each in life.heard] == ["state"] * 2 + ["progress"] * 6


def test_a_job_is_told_of_once_however_often_it_is_accepted(ledger: Ledger, redis: Redis) -> None:
    """Two processes that accept a job under one id tell of it once."""
    job = ledger.accept("acme", "compression", REQUEST)
    ledger.claim(job.id, "w1")
    ledger._remember(job)

    assert [each["data"]["state"] for each in EventLog(redis).page(job.id)] == ["queued", "running"]


def test_what_is_no_longer_kept_is_known(ledger: Ledger, redis: Redis) -> None:
    """Once old events were dropped, a reader who had not come as far is known to have missed some."""
    life = Life(ledger, redis)
    life.begin()
    life.listen()
    first, last = life.heard[0]["id"], life.heard[-1]["id"]
    assert not life.log.is_gone(life.id, first)
    redis.xtrim(events.events_key(life.id), maxlen=1, approximate=False)

    assert life.log.is_gone(life.id, first)
    assert not life.log.is_gone(life.id, last)
    assert not life.log.is_gone(life.id, "")


def test_an_ended_job_is_not_remembered_for_ever(ledger: Ledger, redis: Redis) -> None:
    """What the archive has told again goes from Redis after the same time as what was told first."""
    life = Life(ledger, redis)
    life.begin()
    life.succeed()
    redis.flushdb()
    life.listen()

    assert redis.ttl(events.events_key(life.id)) > 0
