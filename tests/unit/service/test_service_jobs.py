"""Jobs and their events over HTTP."""

from datetime import timedelta

import pytest
from service_fakes import NOW, OTHER_KEY, World

from jobs.contract.state import JobState
from service.schemas.answers import Job as JobSchema
from service.settings import ServiceSettings

KEYED = {"Idempotency-Key": "try again"}


def test_shows_a_job(world: World) -> None:
    """A job is answered with an ETag and, until it has ended, when to ask again."""
    job = world.submit()
    waiting = world.call("GET", f"/v1/jobs/{job}")
    world.ledger.move(job, JobState.SUCCEEDED)
    ended = world.call("GET", f"/v1/jobs/{job}")

    assert (waiting.get_json()["state"], waiting.headers["Retry-After"]) == ("queued", "2")
    assert (ended.get_json()["terminal"], "Retry-After" in ended.headers) == (True, False)
    assert waiting.headers["ETag"] != ended.headers["ETag"]
    assert not waiting.headers["ETag"].startswith("W/")
    assert waiting.headers["Cache-Control"] == "private, no-cache"


def test_a_job_is_shown_as_its_schema_has_it(world: World) -> None:
    """What is sent without a schema, for speed, is to the letter what the schema would have sent."""
    job = world.submit()
    world.ledger.move(job, JobState.FAILED, error={"code": "out_of_memory", "message": "Too large."})
    shown = world.call("GET", f"/v1/jobs/{job}").get_json()

    assert shown["error"]["code"] == "out_of_memory"
    assert JobSchema().dump(shown) == shown


@pytest.mark.parametrize("path", ["", "/events", "/report", "/artifacts", "/artifacts/config.json"])
def test_a_job_whose_time_is_over_is_gone(world: World, path: str) -> None:
    """Once ``expires_at`` has passed the answer is 410; to anybody else the job was never there."""
    job = world.submit()
    world.ledger.move(job, JobState.SUCCEEDED, expires_at=NOW + timedelta(days=1))
    kept = world.call("GET", f"/v1/jobs/{job}").get_json()
    world.ledger.move(job, JobState.SUCCEEDED, expires_at=NOW)
    answer = world.call("GET", f"/v1/jobs/{job}{path}")

    assert kept["expires_at"] is not None
    assert (answer.status_code, answer.get_json()["code"]) == (410, "gone")
    foreign = world.call("GET", f"/v1/jobs/{job}{path}", headers={"Authorization": f"Bearer {OTHER_KEY}"})
    assert foreign.status_code == 404


@pytest.mark.parametrize("weak", ["", "W/"])
def test_says_nothing_new(world: World, weak: str) -> None:
    """Who has the job already is told so, whether a proxy has weakened the ETag or not; the ETag is repeated."""
    path = f"/v1/jobs/{world.submit()}"
    etag = world.call("GET", path).headers["ETag"]
    answer = world.call("GET", path, headers={"If-None-Match": f'"other", {weak}{etag}'})

    assert (answer.status_code, answer.get_data(), answer.headers["ETag"]) == (304, b"", etag)
    assert answer.headers["Retry-After"] == "2"


def test_waits_for_the_end(world: World) -> None:
    """With wait the answer comes when the job ends, not when it merely changes."""
    job = world.submit()
    moves = iter([JobState.RUNNING, JobState.RUNNING, JobState.SUCCEEDED])
    world.clock.then = lambda: world.ledger.move(job, next(moves))
    answer = world.call("GET", f"/v1/jobs/{job}?wait=30")

    assert answer.get_json()["state"] == "succeeded"
    assert world.clock.now == pytest.approx(0.75)


def test_waits_for_a_change(world: World) -> None:
    """With wait and If-None-Match the answer comes when the job is no longer what the caller knows."""
    job = world.submit()
    etag = world.call("GET", f"/v1/jobs/{job}").headers["ETag"]
    world.clock.then = lambda: world.ledger.move(job, JobState.RUNNING)
    answer = world.call("GET", f"/v1/jobs/{job}?wait=30", headers={"If-None-Match": etag})

    assert (answer.status_code, answer.get_json()["state"]) == (200, "running")
    assert world.clock.now == pytest.approx(0.25)


def test_stops_waiting(world: World) -> None:
    """After the wait the job is answered as it is."""
    answer = world.call("GET", f"/v1/jobs/{world.submit()}?wait=3")

    assert (answer.status_code, answer.get_json()["state"]) == (200, "queued")
    assert world.clock.now == pytest.approx(3)


def test_lets_only_some_wait() -> None:
    """Where all places to wait are taken, the answer comes at once."""
    world = World(ServiceSettings(long_polls=0))
    answer = world.call("GET", f"/v1/jobs/{world.submit()}?wait=30")

    assert (answer.status_code, world.clock.now) == (200, 0)


def test_more_threads_than_waiters(world: World) -> None:
    """However many want to wait, threads are left for everybody else: as many as wait."""
    assert 2 * world.settings.long_polls <= world.settings.web_threads


@pytest.mark.parametrize("wait", ["31", "-1", "x", "1.5", "", "٣"])
def test_refuses_an_odd_wait(world: World, wait: str) -> None:
    """A wait that is no whole number of 0 to 30 seconds is refused by its name."""
    answer = world.call("GET", f"/v1/jobs/{world.submit()}?wait={wait}")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["parameter"] == "wait"


def test_lists_jobs_page_by_page(world: World) -> None:
    """Following the cursor gives every job once, newest first."""
    jobs = [world.submit() for _ in range(5)]
    seen, path = [], "/v1/jobs?limit=2"
    while True:
        page = world.call("GET", path).get_json()
        seen += [job["id"] for job in page["data"]]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        path = f"/v1/jobs?limit=2&cursor={page['next_cursor']}"

    assert seen == sorted(jobs, reverse=True)


def test_filters_jobs(world: World) -> None:
    """State, kind and label choose the jobs of the list."""
    first, second = world.submit(labels={"team": "speech"}), world.submit()
    world.ledger.move(second, JobState.FAILED)

    def ids(query: str) -> list[str]:
        return [job["id"] for job in world.call("GET", f"/v1/jobs?{query}").get_json()["data"]]

    assert ids("state=failed") == [second]
    assert ids("label=team%3Dspeech") == ids("label=team") == [first]
    assert ids("kind=compression") == [second, first]
    assert ids("label=team%3Dtext") == []


@pytest.mark.parametrize("query", ["state=done", "kind=magic", "limit=0", "limit=101", "sate=queued", "label="])
def test_refuses_odd_queries(world: World, query: str) -> None:
    """A filter that means nothing, or is misspelt, is refused by its name."""
    answer = world.call("GET", f"/v1/jobs?{query}")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_refuses_a_foreign_cursor(world: World) -> None:
    """A cursor that no page has given is a wrong request, not a fault."""
    answer = world.call("GET", "/v1/jobs?cursor=nonsense")

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")


def test_cancels_once(world: World) -> None:
    """Cancelling twice is cancelling once."""
    job = world.submit()
    first, second = (world.call("POST", f"/v1/jobs/{job}/cancel") for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.get_json() == second.get_json()
    assert first.get_json()["state"] == "cancelled"


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED])
def test_tries_again_once(world: World, state: JobState) -> None:
    """A job that ended without a result becomes a new one, the same however often it is asked for."""
    job = world.submit(labels={"team": "speech"})
    world.ledger.move(job, state, ended_at=NOW)
    answers = [world.call("POST", f"/v1/jobs/{job}/retry", headers=key) for key in ({}, {}, KEYED, KEYED)]
    again = answers[0].get_json()

    assert {(each.status_code, each.get_json()["id"]) for each in answers} == {(202, again["id"])}
    assert (again["retry_of"], again["state"], again["labels"]) == (job, "queued", {"team": "speech"})
    assert again["request"] == world.call("GET", f"/v1/jobs/{job}").get_json()["request"]
    assert answers[0].headers["Location"] == f"/v1/jobs/{again['id']}"
    assert len(world.ledger.jobs) == 2


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING, JobState.SUCCEEDED])
def test_tries_nothing_again_that_goes_on_or_is_done(world: World, state: JobState) -> None:
    """A job that may still give a result, or has given one, is not tried again."""
    job = world.submit()
    world.ledger.move(job, state, ended_at=NOW if state.terminal else None)
    answer = world.call("POST", f"/v1/jobs/{job}/retry")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "not_retryable")
    assert state in answer.get_json()["detail"]
    assert list(world.ledger.jobs) == [job]


def test_a_retry_can_be_tried_again(world: World) -> None:
    """What failed twice may be tried a third time: each job has a retry of its own."""
    ids = [world.submit()]
    for _ in range(3):
        world.ledger.move(ids[-1], JobState.FAILED, ended_at=NOW)
        ids.append(world.call("POST", f"/v1/jobs/{ids[-1]}/retry").get_json()["id"])

    assert len(set(ids)) == 4


def test_lists_events(world: World) -> None:
    """Events come in order, and next_after reads on without losing or repeating one."""
    job = world.submit()
    for number in range(3):
        world.events.append(job, f"step {number}")
    first = world.call("GET", f"/v1/jobs/{job}/events?limit=2").get_json()
    rest = world.call("GET", f"/v1/jobs/{job}/events?after={first['next_after']}").get_json()
    none = world.call("GET", f"/v1/jobs/{job}/events?after={rest['next_after']}").get_json()

    assert [event["message"] for event in first["data"] + rest["data"]] == ["step 0", "step 1", "step 2"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert none == {"data": [], "next_after": rest["next_after"], "has_more": False}


def test_refuses_an_odd_event_id(world: World) -> None:
    """An id that is no event's is a wrong request."""
    assert world.call("GET", f"/v1/jobs/{world.submit()}/events?after=x").status_code == 422


PRIVATE = ["", "?wait=1", "/events", "/report", "/artifacts", "/artifacts/config.json", "/cancel", "/retry"]


@pytest.mark.parametrize("path", PRIVATE)
def test_hides_foreign_jobs(world: World, path: str) -> None:
    """Another tenant's job looks exactly like one that does not exist."""
    method = "POST" if path in ("/cancel", "/retry") else "GET"
    job = world.submit()
    foreign = world.call(method, f"/v1/jobs/{job}{path}", headers={"Authorization": f"Bearer {OTHER_KEY}"})
    unknown = world.call(method, f"/v1/jobs/job_0{path}")

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.get_json()["code"] == unknown.get_json()["code"] == "not_found"
    assert world.ledger.jobs[job].state is JobState.QUEUED
