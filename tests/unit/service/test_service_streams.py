"""Events as they happen, over HTTP."""

import json
from typing import Any

import pytest
from service_fakes import KEY, NOW, OTHER_KEY, World

from jobs.contract.errors import StorageError
from jobs.contract.state import JobState
from service.settings import ServiceSettings

EVENT_STREAM = "text/event-stream"


def stream(world: World, job: str, query: str = "", **headers: str) -> Any:
    """Return the open stream of a job."""
    return world.call("GET", f"/v1/jobs/{job}/events{query}", headers={"Accept": EVENT_STREAM, **headers})


def frames(text: str) -> list[dict[str, str]]:
    """Return the fields of each frame; a comment is the field without a name."""
    return [dict(line.split(": ", 1) for line in frame.splitlines()) for frame in text.split("\n\n") if frame]


def ended(world: World, steps: int = 3) -> str:
    """Return a job that has told *steps* and ended."""
    job = world.submit()
    for number in range(steps):
        world.events.append(job, f"step {number}")
    world.ledger.move(job, JobState.SUCCEEDED, ended_at=NOW)
    return job


def test_tells_all_and_ends(world: World) -> None:
    """A stream has when to come back, each event with its id as a page has it, and the job at its end."""
    job = ended(world)
    answer = stream(world, job)
    first, *told, last = frames(answer.text)
    page = world.call("GET", f"/v1/jobs/{job}/events").get_json()["data"]

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == EVENT_STREAM
    assert (answer.headers["X-Accel-Buffering"], answer.headers["Cache-Control"]) == ("no", "no-store")
    assert first == {"retry": "3000"}
    assert [json.loads(each["data"]) for each in told] == page
    assert [(each["id"], each["event"]) for each in told] == [(each["id"], each["type"]) for each in page]
    assert last["event"] == "end"
    assert json.loads(last["data"]) == world.call("GET", f"/v1/jobs/{job}").get_json()


def test_tells_as_it_happens(world: World) -> None:
    """What happens while the stream is open is told, and its end is not waited for in vain."""
    job = world.submit()

    def work() -> None:
        if len(world.events.log.get(job, ())) < 4:
            world.events.append(job, "step")
        else:
            world.ledger.move(job, JobState.SUCCEEDED, ended_at=NOW)

    world.clock.then = work
    told = frames(stream(world, job).text)

    assert [each["event"] for each in told[1:]] == ["progress"] * 4 + ["end"]
    assert world.clock.now < 12


@pytest.mark.parametrize("how", ["query", "header", "both"])
def test_goes_on_where_one_stopped(world: World, how: str) -> None:
    """After an id only what follows is told; the header is newer than the address of a browser that reconnects."""
    job = ended(world)
    query = {"query": "?after=2-0", "header": "", "both": "?after=1-0"}[how]
    headers = {} if how == "query" else {"Last-Event-ID": "2-0"}
    told = frames(stream(world, job, query, **headers).text)

    assert [each.get("id") for each in told[1:]] == ["3-0", None]


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", f"{EVENT_STREAM};q=0.1, application/json"])
def test_pages_stay(world: World, accept: str | None) -> None:
    """Who does not ask for a stream gets a page."""
    job = ended(world)
    answer = world.call("GET", f"/v1/jobs/{job}/events", headers={"Accept": accept} if accept else {})

    assert len(answer.get_json()["data"]) == 3


def test_says_that_it_is_alive(world: World) -> None:
    """Every quarter of a minute of silence has its comment, and the stream counts on; after its time it ends."""
    world.settings = ServiceSettings(stream_s=60)
    world = World(world.settings)
    told = frames(stream(world, world.submit()).text)

    assert told[1:] == [{"": "ping"}] * 4
    assert world.counted.renewed == 4
    assert 60 <= world.clock.now < 62


def test_waits_for_redis(world: World) -> None:
    """While Redis is away the stream stays open, and then goes on."""
    job = world.submit()
    world.events.broken = True

    def mend() -> None:
        if world.clock.now > 5:
            world.events.broken = False
            world.ledger.move(job, JobState.SUCCEEDED, ended_at=NOW)

    world.clock.then = mend
    assert frames(stream(world, job).text)[-1]["event"] == "end"


def test_waits_for_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at the job may fail for a while, too."""
    job, show, faults = ended(world), world.ledger.show, [StorageError("away")] * 2

    def moody(tenant: str, job_id: str) -> object:
        if world.counted.open and faults:
            raise faults.pop()
        return show(tenant, job_id)

    monkeypatch.setattr(world.ledger, "show", moody)
    assert [each.get("event") for each in frames(stream(world, job).text)][-1] == "end"
    assert not faults


def test_ends_when_the_process_stops(world: World) -> None:
    """A process that is told to stop closes its streams soon; their readers open others."""
    world.app.extensions["modelpress"].streams.stopping = lambda: world.clock.now >= 3
    told = frames(stream(world, world.submit()).text)

    assert told == [{"retry": "3000"}]
    assert world.clock.now < 5


def test_says_what_is_lost(world: World) -> None:
    """Where some of what followed is no longer kept, a page is refused and a stream says so before it goes on."""
    job = ended(world)
    world.events.gone.add(job)
    page = world.call("GET", f"/v1/jobs/{job}/events?after=1-0")
    told = frames(stream(world, job, "?after=1-0").text)

    assert (page.status_code, page.get_json()["code"]) == (410, "events_gone")
    assert [each["event"] for each in told[1:]] == ["reset", "progress", "progress", "end"]


def test_a_tenant_has_so_many(world: World) -> None:
    """Who has as many streams as they may is refused another for now, others are not; closing one makes room."""
    job, theirs = world.submit(), {"Authorization": f"Bearer {OTHER_KEY}"}
    others = world.call("POST", "/v1/profiles", json={"model": {"uri": "s3://models/x"}}, headers=theirs).json["id"]
    opened = [stream(world, job) for _ in range(2)]
    refused = stream(world, job)
    welcome = stream(world, others, **theirs)
    opened[0].close()
    again = stream(world, job)

    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_streams")
    assert refused.headers["Retry-After"]
    assert (welcome.status_code, again.status_code) == (200, 200)
    for each in (opened[1], welcome, again):
        each.close()
    assert not world.counted.open


def test_a_process_has_so_many() -> None:
    """A process whose places are taken says so, and still has its places once they are free."""
    world = World(ServiceSettings(streams=1))
    job = world.submit()
    first, second = stream(world, job), stream(world, job)
    first.close()
    third = stream(world, job)

    assert (second.status_code, second.get_json()["code"]) == (503, "not_ready")
    assert third.status_code == 200
    assert world.call("GET", f"/v1/jobs/{job}").status_code == 200


@pytest.mark.parametrize("identifier", ["", "x", "1-", "-1", "1-2-3", "9" * 20])
def test_odd_ids_are_refused(world: World, identifier: str) -> None:
    """What is no event's id is refused by the name of the header."""
    answer = stream(world, world.submit(), **{"Last-Event-ID": identifier})

    assert (answer.status_code, answer.get_json()["errors"][0]["parameter"]) == (422, "Last-Event-ID")


def test_streams_are_private(world: World) -> None:
    """Another tenant's job has no stream, and neither has anybody without a key."""
    job = world.submit()
    strange = stream(world, job, Authorization=f"Bearer {OTHER_KEY}")
    nobody = stream(world, job, Authorization="Bearer nobody")

    assert (strange.status_code, nobody.status_code) == (404, 401)
    assert KEY not in strange.text
    assert not world.counted.open


def test_threads_are_left_for_others(world: World) -> None:
    """However many streams are open, a process has threads for everything else."""
    from service import serving  # noqa: PLC0415 - it reads the environment

    assert serving.threads == world.settings.streams + world.settings.web_threads
    assert world.settings.tenant_streams <= world.settings.streams
