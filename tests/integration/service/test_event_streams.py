"""Streams of events over real servers that come and go."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from modelpress import Event, ModelPress
from served import KeptRedis, Web, wait

from jobs.contract.errors import StorageError
from jobs.contract.state import JobState
from jobs.state.opening import State
from jobs.state.records import Lease

TENANT = "acme"
REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}


class Listener:
    """Somebody who follows a job, and remembers all that they hear."""

    def __init__(self, client: ModelPress, job_id: str) -> None:
        self.heard: list[Event] = []
        self.job = client.job(job_id)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def hears(self, count: int) -> None:
        """Return once *count* events were heard."""
        wait(lambda: len(self.heard) >= count)

    def ends(self) -> None:
        """Return once they hear no more."""
        self._thread.join(60)

    def _listen(self) -> None:
        for event in self.job.events(follow=True):
            self.heard.append(event)


@pytest.fixture
def lease(state: State) -> Lease:
    """Return the first attempt of a job."""
    lease = state.ledger.claim(state.ledger.accept(TENANT, "compression", REQUEST).id, "w1")
    assert lease is not None
    return lease


@pytest.fixture
def listener(client: ModelPress, lease: Lease) -> Iterator[Listener]:
    """Return somebody who has heard of the job's beginning."""
    listening = Listener(client, lease.job.id)
    listening.hears(2)
    yield listening
    listening.ends()


def report(state: State, lease: Lease, step: int) -> None:
    """Tell how far the job is, Redis willing."""
    state.ledger.progress(lease, {"stage": "compress", "step": step, "steps": 9, "fraction": step / 9})


def test_nothing_is_lost_or_repeated(
    state: State, lease: Lease, listener: Listener, redis_server: KeptRedis, web: Web
) -> None:
    """Redis killed, Redis emptied, the service stopped and started: each event is heard once, in order, to the end."""
    report(state, lease, 1)
    listener.hears(3)
    redis_server.kill()
    redis_server.start()
    report(state, lease, 2)
    listener.hears(4)
    state.redis.flushall()
    report(state, lease, 3)
    listener.hears(5)
    state.ledger.give_up(lease, StorageError("away"), stage="compress")
    listener.hears(6)
    state.redis.flushall()
    assert web.stop() < 10
    lease_after = state.ledger.find(lease.job.id)
    state.ledger.abandon(lease_after, StorageError("away"))
    again = state.ledger.claim(lease.job.id, "w2")
    web.start()
    listener.hears(7)
    report(state, again, 4)
    listener.hears(8)
    state.redis.flushall()
    state.ledger.finish(again, JobState.SUCCEEDED)
    listener.ends()

    told = [each.data.get("state") or each.data.step for each in listener.heard]
    assert told == ["queued", "running", 1, 2, 3, "queued", "running", 4, "succeeded"]
    assert len({each.id for each in listener.heard}) == len(listener.heard)
    assert listener.job.state == "succeeded"


def test_an_idle_stream_hears_of_the_end_although_redis_forgot(state: State, lease: Lease, listener: Listener) -> None:
    """A job ends while Redis is empty, and nobody tells the stream: it looks for itself."""
    state.redis.flushall()
    state.ledger.finish(lease, JobState.SUCCEEDED)
    state.redis.flushall()
    listener.ends()

    assert [each.data.state for each in listener.heard] == ["queued", "running", "succeeded"]


def test_fifty_streams_leave_room(state: State, lease: Lease, client: ModelPress, web: Web) -> None:
    """Fifty streams are open in one process, and it still answers; one more is refused, and all hear of the end."""
    key, path = state.keys.create(TENANT, "many"), f"{web.url}/v1/jobs/{lease.job.id}/events"
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    with ExitStack() as opened, httpx.Client(limits=httpx.Limits(max_connections=None), timeout=30) as http:
        streams = [opened.enter_context(http.stream("GET", path, headers=headers)) for _ in range(50)]
        refused = http.get(path, headers=headers)
        shown = client.job(lease.job.id).state
        state.ledger.finish(lease, JobState.SUCCEEDED)
        texts = [stream.read().decode() for stream in streams]

    assert {stream.status_code for stream in streams} == {200}
    assert (refused.status_code, refused.json()["code"], shown) == (429, "too_many_streams", "running")
    assert all(text.count("event: state") == 3 and text.count("event: end") == 1 for text in texts)
