"""Every error of every endpoint has one shape.

{"type": "/docs/errors#not_found", "title": "Not Found", "status": 404, "detail": "…", "instance": "/v1/…",
 "code": "not_found", "request_id": "req_…", "retryable": false, "errors": []}
"""

import logging
from typing import Any

import pytest
from service_fakes import REQUEST, World

from jobs.contract.errors import StorageError
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from service.error_pages import PATH, as_html, as_markdown, codes

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable", "errors"}


def operations() -> list[tuple[str, str]]:
    """Return every method and path of the API, with an id in the place of each parameter."""
    rules = World().app.url_map.iter_rules()
    return sorted(
        (
            method,
            rule.rule.replace("<job_id>", "job_0")
            .replace("<upload_id>", "upl_0")
            .replace("<name>", "nope")
            .replace("<path:path>", "x"),
        )
        for rule in rules
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def check(answer: Any) -> dict[str, Any]:
    """Return the problem document after holding it to the shape."""
    problem: dict[str, Any] = answer.get_json(force=True)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == MEMBERS
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/docs/errors#{problem['code']}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["code"] in codes()
    assert ("Retry-After" in answer.headers) == problem["retryable"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(("method", "path"), operations())
def test_is_closed_without_a_key(world: World, method: str, path: str) -> None:
    """Every endpoint refuses a missing, an empty and a wrong key alike, before anything is read."""
    for header in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eA=="}):
        answer = world.client.open(path, method=method, headers=header, data=b"[" * 100, content_type="text/plain")
        problem = check(answer)

        assert (answer.status_code, problem["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), operations())
def test_names_the_allowed_methods(world: World, method: str, path: str) -> None:
    """A method that an endpoint does not have is refused with those that it has."""
    answer = world.call("PUT", path)

    assert check(answer)["code"] == "method_not_allowed"
    assert method in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize(("method", "path"), operations())
def test_shapes_faults(
    world: World, method: str, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours says nothing of itself to the caller and everything to the log, under the same id."""

    def burst(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("secret")

    for endpoint in world.app.view_functions:
        monkeypatch.setitem(world.app.view_functions, endpoint, burst)
    with caplog.at_level(logging.ERROR):
        answer = world.call(method, path)
    problem = check(answer)

    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    assert "secret" not in answer.get_data(as_text=True)
    assert problem["request_id"] in caplog.text


def test_shapes_unknown_addresses(world: World) -> None:
    """An address that is none is a problem too, within the API and outside."""
    assert check(world.call("GET", "/v1/nope"))["code"] == "not_found"
    assert check(world.call("GET", "/nope"))["code"] == "not_found"
    assert check(world.call("GET", "/v1/techniques/nope"))["code"] == "not_found"
    assert check(world.call("GET", "/v1/jobs//events"))["code"] == "not_found"


def test_points_at_its_explanation(world: World) -> None:
    """The type of a problem leads to a page with an anchor of the same name."""
    address, _, anchor = check(world.call("GET", "/v1/nope"))["type"].partition("#")
    page = world.client.get(address)

    assert page.status_code == 200
    assert f'id="{anchor}"' in page.get_data(as_text=True)


@pytest.mark.parametrize("code", codes())
def test_explains_every_code(code: str) -> None:
    """Every code has a row with a meaning on both pages."""
    assert f"`{code}` | {codes()[code].status} | " in as_markdown()
    assert f'<tr id="{code}">' in as_html()
    assert codes()[code].__doc__


def test_page_of_codes_is_current() -> None:
    """The committed page is what the code says."""
    assert PATH.read_text() == as_markdown()


@pytest.mark.parametrize("given", ["abc-123", "a.b_c"])
def test_keeps_the_request_id(world: World, given: str) -> None:
    """A sound request id is echoed."""
    assert world.call("GET", "/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>"])
def test_replaces_an_odd_request_id(world: World, given: str) -> None:
    """An odd request id is replaced by one of ours."""
    answer = world.call("GET", "/livez", headers={"X-Request-Id": given})

    assert answer.headers["X-Request-Id"].startswith("req_")


@pytest.mark.parametrize("error", [StorageError, ObjectMissingError, AccessRefusedError])
def test_says_that_the_store_is_away(world: World, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """A store that fails, or whose bucket is gone or closed, is 503, retryable, with a Retry-After."""

    def away(*args: Any, **kwargs: Any) -> None:
        raise error("The object store did not answer; try again.")

    monkeypatch.setattr(world.ledger, "accept", away)
    problem = check(world.call("POST", "/v1/compressions", json=REQUEST))

    assert (problem["status"], problem["code"], problem["retryable"]) == (503, "storage_unavailable", True)
