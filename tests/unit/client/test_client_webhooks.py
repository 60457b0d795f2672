"""Webhooks in the client: calls as the contract has them, and messages that are believed or not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from client_fakes import KEY
from client_loopback import Asked, Loopback, Reply
from modelpress import ModelPress, WebhookVerificationError, webhooks
from standardwebhooks import Webhook

from jobs.contract.webhooks import new_secret
from jobs.delivering import headers as signed_headers

BODY = b'{"data":{"id":"job_1"},"timestamp":"2030-01-01T00:00:00.000Z","type":"job.succeeded"}'


@pytest.fixture
def service() -> Iterator[Loopback]:
    """Return a service that says back what it was asked."""

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/deliveries"):
            rest = "cursor" not in asked.query
            page = {"data": [{"id": "msg_1" if rest else "msg_2"}], "next_cursor": "msg_1" if rest else None}
            return Reply(body=page)
        if asked.method == "GET" and asked.path == "/v1/webhooks":
            return Reply(body={"data": [{"id": "wh_1"}]})
        return Reply(204) if asked.method == "DELETE" else Reply(body={"path": asked.path, "secret": "whsec_x"})

    with Loopback(answer) as loopback:
        yield loopback


@pytest.fixture
def press(service: Loopback) -> Iterator[ModelPress]:
    """Return a client of it."""
    with ModelPress(service.url, KEY) as press:
        yield press


def test_every_call_goes_where_the_contract_says(press: ModelPress, service: Loopback) -> None:
    """Each method makes its one call, with what was given and nothing else."""
    made = press.webhooks.create("https://a.example.com/", events=["job.failed"])
    listed = press.webhooks.all()
    press.webhooks.get("wh_1")
    press.webhooks.change("wh_1", enabled=False)
    press.webhooks.rotate("wh_1")
    press.webhooks.test("wh_1")
    log = list(press.webhooks.deliveries("wh_1"))
    press.webhooks.redeliver("wh_1", "msg_1")
    press.webhooks.delete("wh_1")

    assert made.secret == "whsec_x"
    assert [each.id for each in listed] == ["wh_1"]
    assert [each.id for each in log] == ["msg_1", "msg_2"]
    assert [(each.method, each.path.removeprefix("/v1/webhooks")) for each in service.asked] == [
        ("POST", ""),
        ("GET", ""),
        ("GET", "/wh_1"),
        ("PATCH", "/wh_1"),
        ("POST", "/wh_1/rotate"),
        ("POST", "/wh_1/test"),
        ("GET", "/wh_1/deliveries"),
        ("GET", "/wh_1/deliveries"),
        ("POST", "/wh_1/deliveries/msg_1/redeliver"),
        ("DELETE", "/wh_1"),
    ]
    assert service.asked[0].json == {"url": "https://a.example.com/", "events": ["job.failed"], "enabled": True}
    assert service.asked[3].json == {"enabled": False}


def test_what_the_service_signs_is_believed() -> None:
    """A message as the service sends it verifies with its secret, also while another signs too."""
    secrets = (new_secret(), new_secret())
    sent = signed_headers("msg_1", BODY, secrets, datetime.now(UTC))

    for secret in secrets:
        event = webhooks.verify(BODY, {name.upper(): text for name, text in sent.items()}, secret)
        assert (event.type, event.data.id) == ("job.succeeded", "job_1")


Sent = tuple[bytes, dict[str, str]]
SECRET = new_secret()


def wrong() -> dict[str, Sent]:
    """Return messages of this moment that nobody should believe, by what is wrong with them: body and headers."""
    now = datetime.now(UTC)
    good = signed_headers("msg_1", BODY, (SECRET,), now)
    late, early = (signed_headers("msg_1", BODY, (SECRET,), now + timedelta(minutes=each)) for each in (-6, 6))
    found = {
        "another body": (BODY.replace(b"job_1", b"job_2"), good),
        "another id": (BODY, good | {"webhook-id": "msg_2"}),
        "another time": (BODY, good | {"webhook-timestamp": str(int(now.timestamp()) + 1)}),
        "another secret": (BODY, signed_headers("msg_1", BODY, (new_secret(),), now)),
        "six minutes old": (BODY, late),
        "six minutes early": (BODY, early),
        "another version": (BODY, good | {"webhook-signature": "v2," + good["webhook-signature"][3:]}),
        "no time": (BODY, good | {"webhook-timestamp": "soon"}),
        "no text": (b"\xff{", good),
    }
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        found[f"no {name}"] = (BODY, {key: text for key, text in good.items() if key != name})
    for signature in ("", "v1", "v1,", "v1,!!!", "é"):
        found[f"signature {signature!r}"] = (BODY, good | {"webhook-signature": signature})
    return found


@pytest.mark.parametrize("what", wrong())
def test_what_is_wrong_is_not_believed(what: str) -> None:
    """Whatever is wrong with a message, one error says so."""
    body, sent = wrong()[what]

    with pytest.raises(WebhookVerificationError):
        webhooks.verify(body, sent, SECRET)


def test_the_standards_library_agrees() -> None:
    """The library of the standard, in the hands of a receiver of their own, believes the same message."""
    sent = signed_headers("msg_1", BODY, (SECRET,), datetime.now(UTC))

    assert Webhook(SECRET).verify(BODY, sent) == json.loads(BODY)
