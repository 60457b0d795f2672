"""An old client before a newer service: what it does not know does it no harm, blocking or not."""

import asyncio
from typing import Any

import pytest
from client_fakes import JOB, KEY, QUICK, FakeService, event, job
from client_loopback import problem
from modelpress import AsyncModelPress, ModelPress, errors

DREAM = event(1) | {"type": "dream", "stage": "asleep", "data": {"of": ["sheep"]}, "mood": "calm"}
BARE = {"id": "0002-0", "type": "omen", "data": None}
STORY = [
    job("hibernating", progress={"stage": "dreaming", "depth": {"level": 2}}, mood="calm", kind="distillation"),
    job("hibernating", progress=None),
    job("transcended", terminal=True, error=None),
]


@pytest.fixture
def newer(service: FakeService) -> FakeService:
    """Return a service with states, events, kinds and fields that nobody has heard of."""
    service.story, service.events, service.streams = STORY, [DREAM, BARE], True
    service.report = {"points": [{"name": "x", "state": "foreseen", "values": {"joules": 3}}], "answers": [], "v": 9}
    service.publish("model.safetensors", b"abc", licence="none", signatures=[{"by": "somebody"}])
    return service


def told(events: list[Any]) -> list[tuple[str, str]]:
    """Return what each event is, and how it prints."""
    return [(each.type, str(each)) for each in events]


@pytest.mark.parametrize("streams", [True, False])
def test_a_newer_service_is_followed_to_the_end(newer: FakeService, client: ModelPress, streams: bool) -> None:
    """Unknown states, events and kinds pass through wait with a bar, events, report and download."""
    newer.streams = streams
    heard: list[Any] = []
    found = client.job(JOB)

    assert found.wait(timeout=20, on_event=heard.append, progress=True).state == "transcended"
    assert told(heard) == [("dream", "asleep  step 1"), ("omen", "")]
    assert "joules" not in str(found.report())
    assert found.artifacts().files[0].signatures[0].by == "somebody"


@pytest.mark.parametrize("streams", [True, False])
def test_a_newer_service_is_followed_without_keeping_others(newer: FakeService, streams: bool) -> None:
    """The same for the client that awaits."""
    newer.streams = streams
    heard: list[Any] = []

    async def script() -> str:
        async with AsyncModelPress(newer.url, KEY, timeout=5, retry=QUICK) as press:
            assert (await press.techniques())[-1].name == "teleportation"
            return (await (await press.job(JOB)).wait(timeout=20, on_event=heard.append, progress=True)).state

    assert asyncio.run(script()) == "transcended"
    assert told(heard) == [("dream", "asleep  step 1"), ("omen", "")]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(418, errors.ApiError), (422, errors.InvalidRequestError), (409, errors.ConflictError), (511, errors.ApiError)],
)
def test_codes_and_statuses_of_the_future_are_errors_by_their_status(
    newer: FakeService, client: ModelPress, status: int, kind: type[errors.ApiError]
) -> None:
    """What the code says is passed on, and nobody needs to know it."""
    newer.fail_with(*[problem(status, "out_of_karma", remedy="wait")] * 3)

    with pytest.raises(kind) as caught:
        client.job(JOB)
    assert (caught.value.status, caught.value.code) == (status, "out_of_karma")
