"""What a key may do, and what is said to one that may not."""

from dataclasses import replace
from typing import Any

import pytest
from service_fakes import KEY, REQUEST, World

from jobs.state.keys import Scope
from service.openapi import document
from service.sessions import TOKEN

ORIGIN = {"Origin": "http://localhost"}


def limited(world: World, *scopes: Scope) -> World:
    """Return *world*, whose first key may only do this."""
    world.keys.held[KEY] = replace(world.keys.held[KEY], scopes=frozenset(scopes))
    return world


def operations() -> list[tuple[str, str, Any]]:
    """Return method, path and contract of every operation that takes a key."""
    return [
        (method, path, said)
        for path, item in document()["paths"].items()
        for method, said in item.items()
        if method != "parameters" and said.get("security") != []
    ]


@pytest.mark.parametrize(("method", "path", "said"), operations(), ids=lambda value: str(value)[:60])
def test_every_operation_needs_the_scope_that_it_publishes(world: World, method: str, path: str, said: Any) -> None:
    """With every scope but the published one a call is refused before anything of it is read; the answer names it."""
    needed = said["security"][0]["apiKey"][0]
    limited(world, *(scope for scope in Scope if scope != needed))
    answer = world.call(method.upper(), path.replace("{", "").replace("}", ""))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "insufficient_scope")
    assert f'error="insufficient_scope", scope="{needed}"' in answer.headers["WWW-Authenticate"]
    assert {"401", "403"} <= set(said["responses"])


def test_looking_needs_to_read_and_asking_to_write(world: World) -> None:
    """A key that may only write submits and cannot look; one that may only read looks and cannot submit."""
    submitted = limited(world, Scope.WRITE).call("POST", "/v1/compressions", json=REQUEST).status_code
    unseen = world.call("GET", "/v1/jobs").status_code
    seen = limited(world, Scope.READ).call("GET", "/v1/jobs").status_code
    refused = world.call("POST", "/v1/compressions", json=REQUEST).status_code

    assert (submitted, unseen, seen, refused) == (202, 403, 200, 403)


def test_a_page_may_no_more_than_its_key(world: World) -> None:
    """Who signs in with a key that only reads sees the pages, submits and stops nothing, and can sign out."""
    job_id = world.submit()
    limited(world, Scope.READ).client.post("/login", data={"key": KEY}, headers=ORIGIN)
    token = {TOKEN: str(world.client.get("/").text.partition(f'name="{TOKEN}" value="')[2].partition('"')[0])}
    statuses = [
        world.client.post(path, data=token, headers=ORIGIN).status_code
        for path in ("/new", f"/jobs/{job_id}/cancel", "/logout")
    ]

    assert statuses == [403, 403, 303]
    assert world.ledger.jobs[job_id].state == "queued"


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Bearer mp_wrong", f"Basic {KEY}", f"bearer{KEY}"])
def test_every_refusal_is_the_same(world: World, sent: str | None) -> None:
    """Without a good key nothing tells one reason from another, nor what exists from what does not."""
    headers = {} if sent is None else {"Authorization": sent}
    answers = [world.client.get(path, headers=headers) for path in ("/v1/jobs", "/v1/nowhere")]
    said = [{**each.get_json(), "request_id": "", "instance": ""} for each in answers]

    assert [each.status_code for each in answers] == [401, 401]
    assert said[0] == said[1]
    assert said[0]["detail"] == "Expected a known API key; send Authorization: Bearer <key>."
    assert {each.headers["WWW-Authenticate"] for each in answers} == {'Bearer realm="modelpress"'}
