"""Which calls are noted, and what is said of them."""

from service_fakes import KEY, REQUEST, TENANT, World

from service.openapi import document


def test_a_call_that_changes_something_is_noted(world: World) -> None:
    """Who, what, from where, how it ended and what was made of it are noted; nothing of the body is."""
    body = {**REQUEST, "labels": {"team": "canary"}}
    answer = world.call("POST", "/v1/compressions", json=body, headers={"X-Request-Id": "mine"})

    assert world.audit.notes == [
        {
            "who": "key:one",
            "tenant": TENANT,
            "what": "POST /v1/compressions",
            "outcome": "202",
            "made": answer.headers["Location"],
            "address": "127.0.0.1",
            "request_id": "mine",
        }
    ]


def test_looking_is_not_noted(world: World) -> None:
    """No call that only looks leaves a note, and no caller who was not let in can fill the log."""
    world.call("GET", "/v1/jobs")
    world.client.post("/v1/compressions", json=REQUEST, headers={"Authorization": "Bearer mp_wrong"})

    assert world.audit.notes == []


def test_every_operation_that_may_change_something_is_noted(world: World) -> None:
    """Each is noted also when it is refused, with its address and no query."""
    changing = [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, item in document()["paths"].items()
        for method in item
        if method in {"post", "put", "patch", "delete"}
    ]
    for method, path in changing:
        world.call(method, path, query_string={"secret": "canary"})

    assert [each["what"] for each in world.audit.notes] == [f"{method} {path}" for method, path in changing]
    assert all(int(each["outcome"]) >= 400 for each in world.audit.notes)
    assert "canary" not in str(world.audit.notes)


def test_what_is_done_on_a_page_is_noted(world: World) -> None:
    """A form that a browser sends is noted like a call, by the key that opened the session."""
    job_id = world.submit()
    world.audit.notes.clear()
    world.client.post("/login", data={"key": KEY}, headers={"Origin": "http://localhost"})
    world.client.post(f"/jobs/{job_id}/cancel", headers={"Origin": "http://localhost"})

    assert [(each["who"], each["what"], each["outcome"]) for each in world.audit.notes] == [
        ("key:one", f"POST /jobs/{job_id}/cancel", "403")
    ]
