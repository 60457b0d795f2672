"""What callers get wrong and are told at the door, before a job is made of it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from http_calls import GOOD, HEADS, Json, problem, step

from deploy.embedded.stack import Stack

LABELS = {"suite": "bad-input"}
UNKNOWN_UPLOAD = "upload://upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def own(api: httpx.Client) -> Iterator[httpx.Client]:
    """Return a client with a connection of its own, for bodies that the server stops reading and hangs up on."""
    with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=60) as client:
        yield client


@dataclass(frozen=True, slots=True)
class Refused:
    """A field that is refused before a job is made of it: where, why (a regular expression) and how it is called."""

    what: str
    change: Json
    pointer: str
    says: str
    code: str = "invalid_request"


REFUSED = (
    Refused("an unknown technique", step("magic"), "/steps/0/technique", r"one of distillation, .*; got 'magic'"),
    Refused("no technique", {"steps": [{"heads_removed": 0.5}]}, "/steps/0/technique", "one of distillation"),
    Refused(
        "a number as text",
        step("head_pruning", heads_removed="0.5"),
        "/steps/0/heads_removed",
        "a number; got '0.5'",
    ),
    Refused("a flag as a number", step("head_pruning", heads_kept=True), "/steps/0/heads_kept", "an integer; got true"),
    Refused("half a head", step("head_pruning", heads_kept=1.5), "/steps/0/heads_kept", "an integer; got 1.5"),
    Refused("a list as a model", {"model": []}, "/model", "an object"),
    Refused("an object as steps", {"steps": HEADS}, "/steps", "an array; got an object"),
    Refused("text as a step", {"steps": ["head_pruning"]}, "/steps/0", "an object; got 'head_pruning'"),
    Refused(
        "a ratio above its range",
        step("head_pruning", heads_removed=1.5),
        "/steps/0/heads_removed",
        "less than 1; got 1.5",
    ),
    Refused("a ratio below its range", step("low_rank", rank_ratio=0), "/steps/0/rank_ratio", "more than 0.*; got 0"),
    Refused(
        "a ratio at its open end",
        step("weight_pruning", sparsity=1),
        "/steps/0/sparsity",
        "less than 1; got 1",
    ),
    Refused("empty steps", {"steps": []}, "/steps", "[Ll]ength.* 1|at least 1"),
    Refused("too many steps", {"steps": [HEADS] * 9}, "/steps", "8"),
    Refused("two amounts", step("head_pruning", heads_removed=0.5, heads_kept=1), "/steps/0", "exactly one of heads"),
    Refused("no amount", step("low_rank"), "/steps/0", "exactly one of rank_ratio, rank, energy; got none"),
    Refused("steps and a target", {"target": {"metric": "params", "ratio": 0.5}}, "", "exactly one of steps, target"),
    Refused("a misspelt parameter", step("low_rank", rank=4, wieghting="none"), "/steps/0/wieghting", "no such field"),
    Refused("a misspelt field", {"recover": {"steps": 5}}, "/recover", "no such field"),
    Refused("no data to learn from", step("distillation", layers_kept=1), "/data", "learns from data", "data_required"),
    *(
        Refused(f"{uri} as the model", {"model": {"uri": uri}}, "/model/uri", says, "invalid_uri")
        for uri, says in (
            ("https://example.org/model", r"s3://bucket/prefix, hf://.*got 'https://example.org/model'"),
            ("ftp://example.org/model", "s3://bucket/prefix, hf://"),
            ("/etc/passwd", "s3://bucket/prefix, hf://.*Upload a local model"),
            ("s3://models/../secrets", r"no '\.\.' parts"),
            ("file://../etc", r"no '\.\.' parts"),
            (f"{UNKNOWN_UPLOAD}/../files", r"no '\.\.' parts"),
            ("s3://UPPER_CASE/x", "valid bucket name"),
            ("upload://mine", "as POST /v1/uploads returned it"),
            ("hf://only-a-name", "hf://org/name"),
        )
    ),
    Refused("a foreign scheme as the data", {"data": {"uri": "http://x/y"}}, "/data/uri", "s3://buc", "invalid_uri"),
    Refused("'..' in the data", {"data": {"uri": "s3://data/a/../../b"}}, "/data/uri", r"no '\.\.'", "invalid_uri"),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.what)
def test_a_wrong_field_is_pointed_at(api: httpx.Client, case: Refused) -> None:
    """A 422 names the field by a JSON pointer, and says what was expected and what came."""
    said = problem(api.post("/v1/compressions", json={**GOOD, "labels": LABELS, **case.change}), 422, case.code)

    assert [each["pointer"] for each in said["errors"]] == [case.pointer]
    assert re.search(case.says, said["errors"][0]["detail"]), said["errors"]
    assert said["errors"][0]["detail"] in said["detail"]
    assert said["retryable"] is False


def test_every_wrong_field_is_named(api: httpx.Client) -> None:
    """One answer points at all that is wrong."""
    wrong = {"model": {"uri": "gopher://x"}, "steps": [HEADS, {"technique": "magic"}], "profile": {"repeats": 0}}
    said = problem(api.post("/v1/compressions", json=wrong), 422, "invalid_request")

    assert {each["pointer"] for each in said["errors"]} == {"/model/uri", "/steps/1/technique", "/profile/repeats"}


JSON = {"Content-Type": "application/json"}


def test_a_body_of_two_megabytes_is_refused(own: httpx.Client) -> None:
    """A 413 says how much is allowed and where files go."""
    body = json.dumps({**GOOD, "labels": {"x": "x" * 2 * 2**20}}).encode()
    said = problem(own.post("/v1/compressions", content=body, headers=JSON), 413, "payload_too_large")

    assert re.search(r"at most \d+ bytes.*POST /v1/uploads", said["detail"])


def test_a_body_of_two_megabytes_without_a_length_is_refused(own: httpx.Client) -> None:
    """Leaving the length out does not let a body through."""
    pieces = (b" " * 2**16 for _ in range(32))

    problem(own.post("/v1/compressions", content=pieces, headers=JSON), 413, "payload_too_large")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/compressions", JSON, 413, "payload_too_large"),
        ("/v1/compressions", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ("/v1/compressions", {**JSON, "Authorization": "Bearer wrong"}, 401, "unauthorized"),
        ("/v1/nothing", JSON, 404, "not_found"),
    ],
)
def test_a_connection_whose_body_goes_unread_is_closed_as_announced(
    own: httpx.Client, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    """An answer that comes before the body was read says that no other request may follow it."""
    refused = own.post(path, content=b" " * 2**21, headers=headers)
    again = own.get("/v1/jobs")

    problem(refused, status, code)
    assert refused.headers["Connection"] == "close"
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[" * 100_000, "nested too deeply|JSON document"),
        (b'{"a":' * 20_000, "nested too deeply|JSON document"),
        (b"", "JSON document"),
        (b'{"model": ', "JSON document"),
        (b'{"model": NaN}', "NaN is not JSON"),
        (b'\xff\xfe{"model": 1}', "UTF-8"),
    ],
    ids=["100 kB of [", "100 kB of {", "nothing", "half", "NaN", "not UTF-8"],
)
def test_a_body_that_is_no_json_is_refused(api: httpx.Client, body: bytes, says: str) -> None:
    """A 400 says that JSON was expected, however the body is broken."""
    said = problem(api.post("/v1/compressions", content=body, headers=JSON), 400, "malformed_json")

    assert re.search(says, said["detail"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type_is_refused(api: httpx.Client, kind: str) -> None:
    """A 415 says which type was expected and which came, even if the body is fine."""
    headers = {"Content-Type": kind} if kind else {}
    answer = api.post("/v1/compressions", content=json.dumps(GOOD).encode(), headers=headers)
    said = problem(answer, 415, "unsupported_media_type")

    assert said["detail"] == f"Expected Content-Type: application/json; got {kind or 'none'}."


def _another_secret(key: str) -> str:
    return key[:-4] + ("AAAA" if not key.endswith("AAAA") else "BBBB")


@pytest.mark.parametrize(
    "header",
    [
        lambda _: None,
        lambda _: "",
        lambda _: "Bearer",
        lambda _: "Bearer nonsense",
        lambda key: f"Bearer {_another_secret(key)}",
        lambda key: f"Basic {key}",
        lambda key: key,
    ],
    ids=["no header", "empty", "no key", "nonsense", "another secret", "another scheme", "no scheme"],
)
@pytest.mark.parametrize("path", ["/v1/compressions", "/v1/jobs", "/v1/no-such-thing"])
def test_a_missing_or_wrong_key_is_refused(stack: Stack, path: str, header: Callable[[str], str | None]) -> None:
    """A 401 says how to send a key, whatever is asked for, and gives nothing else away."""
    given = header(stack.api_key)
    headers = {} if given is None else {"Authorization": given}
    answer = httpx.request("POST" if path == "/v1/compressions" else "GET", stack.url + path, headers=headers)
    said = problem(answer, 401, "unauthorized")

    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert said["detail"] == "Expected a known API key; send Authorization: Bearer <key>."


def test_no_job_was_made_of_what_was_refused(api: httpx.Client) -> None:
    """Nothing that got a 4xx is in the list of jobs."""
    assert api.get("/v1/jobs", params={"label": "suite=bad-input"}).json()["data"] == []
