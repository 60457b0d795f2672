"""Bodies that are no request at all."""

from typing import Any

import pytest
from service_fakes import REQUEST, World

from service.errors import MalformedJsonError
from service.parsing import read_json
from service.settings import ServiceSettings

JSON = {"content_type": "application/json"}
BAD = [
    (b"", 400, "malformed_json"),
    (b'{"model":', 400, "malformed_json"),
    (b"[" * 100_000, 400, "malformed_json"),
    (b'{"a":' * 100_000, 400, "malformed_json"),
    (b'{"model": "\xff"}', 400, "malformed_json"),
    (b'{"model": NaN}', 400, "malformed_json"),
    (b'{"model": -Infinity}', 400, "malformed_json"),
    (b'{"model": "\\ud800"}', 400, "malformed_json"),
    (b"1" * 10_000, 400, "malformed_json"),
    (b" " * 2_000_000, 413, "payload_too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD, ids=lambda value: str(value)[:20])
def test_refuses_what_is_not_json(world: World, body: bytes, status: int, code: str) -> None:
    """A body that is cut, too deep, too large, not UTF-8 or not quite JSON is refused, and nothing is stored."""
    answer = world.call("POST", "/v1/compressions", data=body, **JSON)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert world.ledger.jobs == {}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_refuses_another_media_type(world: World, content_type: str | None) -> None:
    """A body that is announced as something else than JSON is refused with 415 before it is read."""
    answer = world.call("POST", "/v1/compressions", data=b"{}", content_type=content_type)

    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.get_json()["detail"]


def test_refuses_a_large_body_of_unknown_length() -> None:
    """A chunked body, which announces no length, is cut off at the same limit."""
    world = World(ServiceSettings(body_limit_bytes=2048))
    environ: dict[str, Any] = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = world.call("POST", "/v1/compressions", data=b" " * 4096, environ_overrides=environ, **JSON)

    assert answer.status_code == 413
    assert "2048 bytes" in answer.get_json()["detail"]


def test_refuses_a_name_that_comes_twice(world: World) -> None:
    """Readers differ in which of two equal names counts, so there is no guessing what the caller meant."""
    steps = b'[{"technique": "weight_pruning", "sparsity": 0.5, "sparsity": 0.6}]'
    body = b'{"model": {"uri": "s3://models/minilm"}, "steps": %s}' % steps

    answer = world.call("POST", "/v1/compressions", data=body, **JSON)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "malformed_json")
    assert "'sparsity' comes twice" in answer.get_json()["detail"]


def test_reads_json_with_parameters_in_its_type(world: World) -> None:
    """A charset beside the media type changes nothing."""
    answer = world.call("POST", "/v1/compressions", json=REQUEST, content_type="application/json; charset=utf-8")

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        (b"[" * 32 + b"]" * 32, True),
        (b"[" * 33 + b"]" * 33, False),
        (b'{"a":' * 33 + b"1" + b"}" * 33, False),
        (b"[" + b"[]," * 100_000 + b"{}]", True),
        (b'["' + b"[" * 1000 + b'", "\\"[[", "\\\\"]', True),
    ],
    ids=["deepest", "too deep", "objects", "wide", "in strings"],
)
def test_bodies_are_no_deeper_than_said(body: bytes, fits: bool) -> None:
    """Objects and lists are counted before anything is parsed, however many lie side by side, and not in strings."""
    if fits:
        read_json(body)
        return

    with pytest.raises(MalformedJsonError, match="nested at most 32 deep"):
        read_json(body)


def test_the_depth_is_a_setting() -> None:
    """A service may allow less."""
    body = b'{"model": ' + b"[" * 8 + b"]" * 8 + b"}"
    shallow, deep = (World(ServiceSettings(json_depth=depth)) for depth in (8, 9))
    answers = [each.call("POST", "/v1/compressions", data=body, **JSON) for each in (shallow, deep)]

    assert [each.status_code for each in answers] == [400, 422]


def test_reads_every_kind_of_value() -> None:
    """What is JSON is read."""
    assert read_json('{"a": [1, 2.5, true, null, "ü"]}'.encode()) == {"a": [1, 2.5, True, None, "ü"]}
