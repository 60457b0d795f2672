"""Endpoints of webhooks: made, shown, changed, given new secrets, deleted; each tenant its own."""

from datetime import timedelta

import pytest
from receivers import URL, World
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import ReceiverRefusedError, WebhookConflictError
from jobs.state.webhooks import ENDPOINTS_MAX, OVERLAP, Webhooks


@pytest.fixture
def webhooks(memory: MemoryStore, clock: Clock) -> Webhooks:
    """Return the endpoints of an empty store."""
    return World(memory, clock).webhooks


def test_an_endpoint_is_kept_as_it_was_made(webhooks: Webhooks) -> None:
    """What was created is shown and listed, hears of every end of a job, and says no secret to those who look."""
    made = webhooks.create("acme", {"url": URL, "description": "ours"})

    assert webhooks.show("acme", made.id) == made
    assert webhooks.of("acme") == [made]
    assert made.to_resource() == {
        "id": made.id,
        "url": URL,
        "events": ["job.succeeded", "job.failed", "job.cancelled", "job.expired"],
        "enabled": True,
        "description": "ours",
        "created_at": "2030-01-01T00:00:00.000Z",
        "failing_since": None,
        "switched_off": None,
    }
    assert made.secrets[0].value not in repr(made)


def test_anothers_endpoint_is_not_there(webhooks: Webhooks) -> None:
    """Another tenant sees, changes, rotates and deletes nothing."""
    made = webhooks.create("acme", {"url": URL})

    assert webhooks.show("other", made.id) is webhooks.rotate("other", made.id) is None
    assert webhooks.change("other", made.id, {"enabled": False}) is None
    assert webhooks.delete("other", made.id) is False
    assert webhooks.of("other") == []
    assert webhooks.show("acme", made.id) == made


@pytest.mark.parametrize("name", ["", "..", "wh_x", "wh_01ARZ3NDEKTSV4RRFFQ69G5FAV", "../../jobs"])
def test_an_unknown_id_is_no_endpoint(webhooks: Webhooks, name: str) -> None:
    """An id that was never given shows nothing, and no job may name it."""
    assert webhooks.show("acme", name) is None
    with pytest.raises(WebhookConflictError, match="Expected the id"):
        webhooks.require("acme", name)


def test_changes_are_kept_and_the_rest_stays(webhooks: Webhooks) -> None:
    """A change of one field leaves the others and the secret; one to a refused URL changes nothing."""
    made = webhooks.create("acme", {"url": URL})
    changed = webhooks.change("acme", made.id, {"events": ["job.failed"], "enabled": False})
    with pytest.raises(ReceiverRefusedError):
        webhooks.change("acme", made.id, {"url": "http://hooks.example.com/"})

    assert webhooks.show("acme", made.id) == changed
    assert (changed.url, changed.events, changed.enabled, changed.secrets) == (
        URL,
        ("job.failed",),
        False,
        made.secrets,
    )


def test_an_endpoint_that_is_trusted_no_more_can_be_switched_off(memory: MemoryStore, clock: Clock) -> None:
    """Where the operator has taken a host's trust away, its endpoints can still be changed and deleted."""
    trusting = Webhooks(memory, trusted=("127.0.0.1",), clock=clock)
    made = trusting.create("acme", {"url": "http://127.0.0.1:8000/"})
    webhooks = Webhooks(memory, clock=clock)

    assert webhooks.change("acme", made.id, {"enabled": False}).enabled is False
    assert webhooks.delete("acme", made.id)


def test_an_old_secret_signs_for_a_while(webhooks: Webhooks, clock: Clock) -> None:
    """After a rotation both secrets sign, after the overlap only the new one."""
    made = webhooks.create("acme", {"url": URL})
    rotated = webhooks.rotate("acme", made.id)
    both = rotated.signing(clock())
    clock.pass_seconds(OVERLAP.total_seconds())

    assert both == (rotated.secrets[0].value, made.secrets[0].value)
    assert len(set(both)) == 2
    assert webhooks.show("acme", made.id).signing(clock()) == both[:1]


def test_rotations_in_a_row_do_not_keep_secrets_for_ever(webhooks: Webhooks, clock: Clock) -> None:
    """A secret that was replaced is not given more time by the next rotation, and at most three sign."""
    made = webhooks.create("acme", {"url": URL})
    webhooks.rotate("acme", made.id)
    clock.pass_seconds(3600)
    for _ in range(4):
        rotated = webhooks.rotate("acme", made.id)

    assert len(rotated.signing(clock())) == 3
    assert {each.until for each in rotated.secrets[1:]} == {clock() + OVERLAP}
    assert rotated.secrets[0].until is None
    assert timedelta(hours=1) < OVERLAP


def test_a_tenant_has_a_limited_number(webhooks: Webhooks) -> None:
    """One more endpoint than allowed is refused; another tenant's do not count."""
    for _ in range(ENDPOINTS_MAX):
        webhooks.create("acme", {"url": URL})

    with pytest.raises(WebhookConflictError, match="at most 20"):
        webhooks.create("acme", {"url": URL})
    assert webhooks.create("other", {"url": URL}).id


def test_a_deleted_endpoint_is_gone(webhooks: Webhooks) -> None:
    """After its deletion an endpoint is not shown, listed or deleted again."""
    made = webhooks.create("acme", {"url": URL})

    assert webhooks.delete("acme", made.id) is True
    assert webhooks.show("acme", made.id) is None
    assert webhooks.of("acme") == []
    assert webhooks.delete("acme", made.id) is False
