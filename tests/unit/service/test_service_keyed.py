"""Requests with an Idempotency-Key over HTTP."""

from datetime import UTC, datetime

import pytest
from service_fakes import OTHER_KEY, REQUEST, World

from jobs.contract.errors import StorageError
from jobs.contract.state import JobState

PAST = datetime(2020, 1, 1, tzinfo=UTC)
PROFILE = {"model": REQUEST["model"]}
LANDSCAPE = {**PROFILE, "points": [{"steps": REQUEST["steps"]}]}
UPLOAD = {"files": [{"path": "config.json", "bytes": 2}]}
CREATING = [
    ("/v1/compressions", REQUEST),
    ("/v1/plans", REQUEST),
    ("/v1/profiles", PROFILE),
    ("/v1/landscapes", LANDSCAPE),
    ("/v1/uploads", UPLOAD),
]
NAMED = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


@pytest.mark.parametrize(("path", "body"), CREATING)
def test_twice_is_once(world: World, path: str, body: dict) -> None:
    """Every request that creates something is answered a second time with what it made, and says so."""
    first, second = (world.call("POST", path, json=body, headers=NAMED) for _ in range(2))

    assert (first.status_code, first.get_json()) == (second.status_code, second.get_json())
    assert first.headers["Location"] == second.headers["Location"]
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (False, "true")
    assert len(world.ledger.jobs) + len(world.uploads.known) == 1
    assert len(world.queue.announced) == len(world.ledger.jobs)


@pytest.mark.parametrize(("path", "body"), CREATING)
def test_without_a_key_twice_is_twice(world: World, path: str, body: dict) -> None:
    """Nothing is guessed: the same body without a key is another request."""
    first, second = (world.call("POST", path, json=body) for _ in range(2))

    assert first.get_json()["id"] != second.get_json()["id"]


def test_quoted_and_bare_are_the_same(world: World) -> None:
    """A key may be written as the draft of the standard has it, or as most callers do."""
    spellings = ['"a \\"b\\" c"', 'a "b" c']
    ids = {
        world.call("POST", "/v1/plans", json=REQUEST, headers={"Idempotency-Key": each}).json["id"]
        for each in spellings
    }

    assert len(ids) == 1


@pytest.mark.parametrize("key", ["", '"', '""', '"a', "x" * 256, '"' + "x" * 256 + '"', "kéy", "a\tb", '"a\\b"'])
def test_odd_keys_are_refused(world: World, key: str) -> None:
    """What is no key is refused by the name of the header, and nothing is made."""
    answer = world.call("POST", "/v1/compressions", json=REQUEST, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert not world.ledger.jobs


@pytest.mark.parametrize("key", ["x", "x" * 255, '"' + "x" * 255 + '"'])
def test_keys_have_room(world: World, key: str) -> None:
    """A key has 1 to 255 characters, its quotes not counted."""
    assert world.call("POST", "/v1/plans", json=REQUEST, headers={"Idempotency-Key": key}).status_code == 202


def test_a_key_is_for_one_request(world: World) -> None:
    """The same key with another body, or sent to another address, is refused with a code of its own."""
    world.call("POST", "/v1/compressions", json=REQUEST, headers=NAMED)
    others = [("/v1/compressions", {**REQUEST, "labels": {"a": "b"}}), ("/v1/plans", REQUEST)]
    answers = [world.call("POST", path, json=body, headers=NAMED) for path, body in others]

    assert [(each.status_code, each.get_json()["code"]) for each in answers] == [(422, "idempotency_key_reused")] * 2
    assert len(world.ledger.jobs) == 1


def test_keys_belong_to_tenants(world: World) -> None:
    """Another tenant's same key is another key."""
    mine = world.call("POST", "/v1/plans", json=REQUEST, headers=NAMED)
    theirs = world.call("POST", "/v1/plans", json=REQUEST, headers={**NAMED, "Authorization": f"Bearer {OTHER_KEY}"})

    assert mine.get_json()["id"] != theirs.get_json()["id"]
    assert "Idempotency-Replayed" not in theirs.headers


def test_refused_requests_leave_their_key_free(world: World) -> None:
    """A request that is wrong may be mended and sent again with its key."""
    wrong = world.call("POST", "/v1/compressions", json={}, headers=NAMED)
    mended = world.call("POST", "/v1/compressions", json=REQUEST, headers=NAMED)

    assert (wrong.status_code, mended.status_code) == (422, 202)


def test_failed_requests_are_not_replayed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the store is never stored as the answer: the next try is accepted."""
    accept, failing = world.ledger.accept, [StorageError("away")]

    def moody(*args: object, **kwargs: object) -> object:
        if failing:
            raise failing.pop()
        return accept(*args, **kwargs)

    monkeypatch.setattr(world.ledger, "accept", moody)
    first, second = (world.call("POST", "/v1/compressions", json=REQUEST, headers=NAMED) for _ in range(2))

    assert (first.status_code, second.status_code) == (503, 202)
    assert "Idempotency-Replayed" not in second.headers
    assert len(world.ledger.jobs) == 1


@pytest.mark.parametrize("path", ["/v1/compressions", "/v1/landscapes"])
def test_a_key_whose_job_is_kept_no_longer_makes_no_other(world: World, path: str) -> None:
    """Where jobs go sooner than keys are forgotten, nothing is accepted under an id that is taken: 422, and why."""
    body = dict(CREATING)[path]
    made = world.call("POST", path, json=body, headers=NAMED).get_json()["id"]
    world.ledger.move(made, JobState.SUCCEEDED, ended_at=PAST, expires_at=PAST)
    answer = world.call("POST", path, json=body, headers=NAMED)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "idempotency_key_reused")
    assert made in answer.get_json()["detail"]
    assert list(world.ledger.jobs) == [made]
