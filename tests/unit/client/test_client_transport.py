"""How the client calls: settings, retries, errors."""

import socket
import threading
import time

import modelpress
import pytest
from client_fakes import JOB, KEY, FakeService, FakeStore, job
from client_loopback import HANG_UP, Loopback, Reply, problem
from modelpress import ModelPress, Retry, errors

STEPS = [{"technique": "head_pruning", "heads_removed": 0.5}]


def test_settings_come_from_the_environment(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and key are found in the environment where no argument gives them."""
    monkeypatch.setenv("MODELPRESS_URL", service.url + "/")
    monkeypatch.setenv("MODELPRESS_API_KEY", KEY)

    with ModelPress() as client:
        assert client.job(JOB).state == "succeeded"


def test_arguments_win_over_the_environment(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said in code is not overruled from outside."""
    monkeypatch.setenv("MODELPRESS_URL", "http://192.0.2.1")
    monkeypatch.setenv("MODELPRESS_API_KEY", "wrong")

    with ModelPress(service.url, KEY) as client:
        assert client.job(JOB).state == "succeeded"


@pytest.mark.parametrize(
    ("url", "key", "expected"),
    [
        (None, "key", "MODELPRESS_URL"),
        ("http://localhost", None, "MODELPRESS_API_KEY"),
        ("localhost:8000", "key", "https://"),
        ("ftp://localhost", "key", "https://"),
    ],
)
def test_a_client_without_address_or_key_says_what_to_set(
    url: str | None, key: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the argument or the variable that is missing, or shows an address."""
    monkeypatch.delenv("MODELPRESS_URL", raising=False)
    monkeypatch.delenv("MODELPRESS_API_KEY", raising=False)

    with pytest.raises(errors.ConfigurationError, match=expected):
        ModelPress(url, key)


def test_the_key_is_not_shown() -> None:
    """Printing the settings gives nothing away."""
    settings = modelpress.settings.Settings.resolve("http://localhost", "secret")

    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    "fault", [HANG_UP, Reply(cut_after=5, body=b"0123456789"), problem(429, "rate_limited"), problem(503, "not_ready")]
)
def test_reading_is_tried_again(client: ModelPress, service: FakeService, fault: Reply) -> None:
    """Two failures of the passing kind are not seen by the caller."""
    service.fail_with(fault, fault)

    assert client.job(JOB).state == "succeeded"
    assert len(service.asked) == 3


def test_it_gives_up_after_the_allowed_tries(client: ModelPress, service: FakeService) -> None:
    """The last failure is what the caller gets."""
    service.fail_with(*[problem(503, "not_ready", request_id="req_1")] * 3)

    with pytest.raises(errors.ServiceUnavailableError) as caught:
        client.job(JOB)
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (503, "not_ready", "req_1")
    assert len(service.asked) == 3


def test_retry_after_is_honoured(client: ModelPress, service: FakeService) -> None:
    """The client waits at least as long as the service asks, up to its own bound."""
    service.fail_with(Reply(429, headers={"Retry-After": "1"}))
    patient = ModelPress(service.url, KEY, retry=Retry(tries=2, first_delay_s=0.01, longest_delay_s=0.3))

    begun = time.monotonic()
    with patient:
        patient.job(JOB)

    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize("fault", [HANG_UP, *(problem(status, "passing") for status in (429, 502, 503, 504))])
def test_creating_is_repeated_under_one_name(client: ModelPress, service: FakeService, fault: Reply) -> None:
    """Whatever passing failure comes first, the request is sent again with the same Idempotency-Key."""
    service.fail_with(fault, problem(409, "request_in_flight"))

    assert client.compress(model="s3://models/x", steps=STEPS).id == JOB
    assert len(service.asked) == 3
    assert len({asked.headers["Idempotency-Key"] for asked in service.asked}) == 1


def test_every_request_has_a_name_of_its_own(client: ModelPress, service: FakeService) -> None:
    """The same request made twice on purpose is two requests."""
    for _ in range(2):
        client.compress(model="s3://models/x", steps=STEPS)

    assert len({asked.headers["Idempotency-Key"] for asked in service.asked}) == 2


def test_creating_is_repeated_when_nobody_listened(store: FakeStore) -> None:
    """Without a connection nothing can have been accepted, so the client waits for the service to come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    late = Loopback(lambda _: Reply(202, job("queued")), port)
    starter = threading.Timer(0.2, late.__enter__)
    starter.start()

    with ModelPress(f"http://127.0.0.1:{port}", KEY, retry=Retry(tries=50, longest_delay_s=0.05)) as client:
        assert client.compress(model="s3://models/x", steps=STEPS).state == "queued"

    starter.join()
    late.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "malformed_json", errors.InvalidRequestError),
        (401, "unauthorized", errors.AuthenticationError),
        (404, "not_found", errors.NotFoundError),
        (404, "report_not_ready", errors.NotReadyError),
        (409, "conflict", errors.ConflictError),
        (410, "gone", errors.NotFoundError),
        (413, "payload_too_large", errors.InvalidRequestError),
        (418, "made_tomorrow", errors.ApiError),
        (422, "made_tomorrow", errors.InvalidRequestError),
        (500, "internal_error", errors.ApiError),
    ],
)
def test_problems_become_exceptions(
    client: ModelPress, service: FakeService, status: int, code: str, kind: type[errors.ApiError]
) -> None:
    """Each problem has its class, also those that this client has never heard of, and keeps its code."""
    service.fail_with(problem(status, code))

    with pytest.raises(errors.ApiError) as caught:
        client.job(JOB)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.detail) == (code, f"about {code}")
    assert len(service.asked) == 1


def test_wrong_fields_are_pointed_at(client: ModelPress, service: FakeService) -> None:
    """The pointers of a refused request can be read one by one, and are in the message."""
    listed = [{"pointer": "/steps/0/technique", "detail": "unknown"}, {"parameter": "limit", "detail": "too large"}]
    service.fail_with(problem(422, "invalid_request", errors=listed))

    with pytest.raises(errors.InvalidRequestError, match="/steps/0/technique: unknown") as caught:
        client.compress(model="s3://models/x", steps=STEPS)
    assert [(each.pointer, each.detail) for each in caught.value.errors] == [
        ("/steps/0/technique", "unknown"),
        ("limit", "too large"),
    ]


def test_an_answer_that_is_no_problem_document_is_understood(client: ModelPress, service: FakeService) -> None:
    """A proxy's HTML page becomes an error of its status."""
    service.fail_with(Reply(500, b"<html>oops</html>"))

    with pytest.raises(errors.ApiError) as caught:
        client.job(JOB)
    assert (caught.value.code, caught.value.detail) == ("http_500", "Internal Server Error")


def test_somebody_elses_address_is_noticed(client: ModelPress, service: FakeService) -> None:
    """A page instead of JSON leads to a hint, not to a KeyError."""
    service.fail_with(Reply(200, b"<html>welcome</html>"))

    with pytest.raises(errors.ApiError, match="Is this ModelPress's address"):
        client.job(JOB)


def test_a_wrong_key_is_an_authentication_error(service: FakeService) -> None:
    """The service's refusal is passed on at once."""
    with ModelPress(service.url, "wrong") as client, pytest.raises(errors.AuthenticationError):
        client.job(JOB)
    assert len(service.asked) == 1
