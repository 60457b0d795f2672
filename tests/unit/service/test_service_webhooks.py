"""Webhook endpoints over HTTP: made, shown, changed, tried out, and named by jobs."""

from dataclasses import replace

import pytest
from service_fakes import KEY, OTHER_KEY, REQUEST, TENANT, World

from jobs.contract.state import JobState
from jobs.state.keys import Scope
from jobs.state.records import utc_now
from jobs.state.webhooks import ENDPOINTS_MAX

URL = "https://hooks.example.com/modelpress"
NOBODY = "wh_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def made(world: World, **more: object) -> dict:
    """Return an endpoint that was made over HTTP, with its secret."""
    answer = world.call("POST", "/v1/webhooks", json={"url": URL, **more})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def test_a_secret_is_shown_once(world: World) -> None:
    """Making and rotating show a secret, not to be stored by anybody on the way; showing and listing do not."""
    answer = world.call("POST", "/v1/webhooks", json={"url": URL})
    endpoint = answer.get_json()
    shown = world.call("GET", answer.headers["Location"])
    rotated = world.call("POST", f"/v1/webhooks/{endpoint['id']}/rotate")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert (rotated.status_code, rotated.headers["Cache-Control"]) == (200, "no-store")
    assert endpoint["secret"].startswith("whsec_")
    assert rotated.get_json()["secret"] not in {"", endpoint["secret"]}
    assert shown.get_json() == {name: value for name, value in endpoint.items() if name != "secret"}
    assert "secret" not in world.call("GET", "/v1/webhooks").get_data(as_text=True)


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://127.0.0.1/", "https://localhost/", "https://a.b:8/"]
)
def test_insides_are_refused(world: World, url: str) -> None:
    """A URL that leads to no public host by https is refused when it is given and when it is changed."""
    endpoint = made(world)
    answers = [
        world.call("POST", "/v1/webhooks", json={"url": url}),
        world.call("PATCH", f"/v1/webhooks/{endpoint['id']}", json={"url": url}),
    ]

    assert [(each.status_code, each.get_json()["code"]) for each in answers] == [(409, "receiver_refused")] * 2
    assert world.call("GET", f"/v1/webhooks/{endpoint['id']}").get_json()["url"] == URL


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "https://user@hooks.example.com/"}, "/url"),
        ({"url": URL, "events": ["job.started"]}, "/events/0"),
        ({"url": URL, "events": ["job.failed", "job.failed"]}, "/events"),
        ({"url": URL, "secret": "whsec_own"}, "/secret"),
    ],
)
def test_wrong_fields_are_pointed_at(world: World, body: dict, pointer: str) -> None:
    """What an endpoint cannot be is said with a pointer."""
    answer = world.call("POST", "/v1/webhooks", json=body)

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == pointer


def test_changes_and_deletion(world: World) -> None:
    """A change is seen by the next who looks; after its deletion there is no endpoint."""
    path = f"/v1/webhooks/{made(world)['id']}"
    changed = world.call("PATCH", path, json={"events": [], "enabled": False})
    seen = world.call("GET", path).get_json()
    deleted = world.call("DELETE", path)

    assert changed.get_json() == seen
    assert (seen["events"], seen["enabled"]) == ([], False)
    assert (deleted.status_code, deleted.get_data()) == (204, b"")
    assert [world.call(method, path).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert world.call("GET", "/v1/webhooks").get_json() == {"data": []}


def test_one_more_than_allowed_is_refused(world: World) -> None:
    """A tenant has a limited number of endpoints."""
    for _ in range(ENDPOINTS_MAX):
        made(world)
    answer = world.call("POST", "/v1/webhooks", json={"url": URL})

    assert (answer.status_code, answer.get_json()["code"]) == (409, "webhook_conflict")


def test_a_test_and_a_redelivery_are_logged(world: World) -> None:
    """A test is due at once and in the log; what is in the log can be sent again, what is not cannot."""
    path = f"/v1/webhooks/{made(world)['id']}"
    tested = world.call("POST", f"{path}/test")
    log = world.call("GET", f"{path}/deliveries").get_json()
    again = world.call("POST", f"{path}/deliveries/{tested.get_json()['id']}/redeliver")

    assert (tested.status_code, tested.get_json()["type"], tested.get_json()["job"]) == (202, "webhook.test", None)
    assert log == {"data": [tested.get_json()], "next_cursor": None, "has_more": False}
    assert again.status_code == 202
    assert [each.again for each in world.deliveries.due(utc_now())] == [False, True]
    for unknown in ("msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "msg_ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "x"):
        assert world.call("POST", f"{path}/deliveries/{unknown}/redeliver").status_code == 404


def test_nothing_is_sent_where_it_is_switched_off(world: World) -> None:
    """Neither a test nor a redelivery goes to an endpoint that is not enabled."""
    path = f"/v1/webhooks/{made(world)['id']}"
    delivery = world.call("POST", f"{path}/test").get_json()["id"]
    world.call("PATCH", path, json={"enabled": False})
    answers = [world.call("POST", f"{path}/{each}") for each in ("test", f"deliveries/{delivery}/redeliver")]

    assert [(each.status_code, each.get_json()["code"]) for each in answers] == [(409, "webhook_conflict")] * 2


def test_a_job_may_name_an_endpoint(world: World) -> None:
    """A job that names one of its tenant's endpoints tells it of its end; another's, or none, is refused."""
    own = made(world, events=[])["id"]
    others = world.client.post(
        "/v1/webhooks", json={"url": URL}, headers={"Authorization": f"Bearer {OTHER_KEY}"}
    ).get_json()["id"]
    job_id = world.submit(webhook=own)
    refused = [world.call("POST", "/v1/compressions", json={**REQUEST, "webhook": each}) for each in (others, NOBODY)]
    world.ledger.move(job_id, JobState.SUCCEEDED)
    world.deliveries.announce(world.ledger.jobs[job_id])

    assert [(each.status_code, each.get_json()["code"]) for each in refused] == [(409, "webhook_conflict")] * 2
    assert [each.endpoint for each in world.deliveries.due(utc_now().replace(year=2031))] == [own]
    assert len(world.ledger.jobs) == 1
    assert world.ledger.jobs[job_id].tenant == TENANT


def test_webhooks_are_for_those_who_administer(world: World) -> None:
    """A key that may only read and write neither sees nor changes who is told."""
    endpoint = made(world)["id"]
    world.keys.held[KEY] = replace(world.keys.held[KEY], scopes=frozenset({Scope.READ, Scope.WRITE}))
    answers = [world.call("GET", "/v1/webhooks"), world.call("POST", f"/v1/webhooks/{endpoint}/rotate")]

    assert [each.status_code for each in answers] == [403, 403]
