"""The server and the published schema give the same verdict on every request."""

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from marshmallow import Schema, ValidationError

from jobs.contract.errors import InvalidUriError
from jobs.contract.spec import (
    CompressionSpec,
    DataRef,
    InputSpec,
    Limits,
    ModelRef,
    ProfileSpec,
    RecoverySpec,
    Target,
)
from jobs.contract.uris import parse_uri
from service.openapi import document
from service.schemas import requests
from service.schemas.requests import UploadCompletion, UploadRequest
from service.views.examples import COMPLETIONS, COMPRESSIONS, JUDGED, LANDSCAPES, UPLOADS
from service.views.submitting import CompressionRequest, LandscapeRequest

Json = dict[str, Any]
CONTRACT = document()
MODEL = {"uri": "s3://models/minilm"}
FULL: Json = {
    **COMPRESSIONS["pipeline"]["value"],
    "steps": [
        {
            "technique": "weight_pruning",
            "sparsity": 0.5,
            "criterion": "magnitude",
            "scope": "layer",
            "include_bias": True,
        },
        {"technique": "head_pruning", "heads_kept": 2, "score": "l1", "scope": "global"},
        {"technique": "ffn_pruning", "units_kept": 64},
        {"technique": "low_rank", "rank": 4, "weighting": "activation", "modules": "attention"},
        {"technique": "low_rank", "energy": 1},
        {"technique": "distillation", "layers_kept": [0, 2], "steps": 0, "learning_rate": 0.1, "seed": 3},
    ],
    "evaluate": [
        {"probe": "fidelity"},
        {"probe": "classification", "data": {"uri": "s3://data/a"}, "label": "digit", "seeds": [0, 3], "layer": "last"},
        {"probe": "regression", "data": {"uri": "s3://data/a", "samples": 2}, "label": "age", "seeds": 16},
        {"probe": "similarity", "data": {"uri": "s3://data/b"}, "label": "a", "first": "b", "second": "c"},
        {"probe": "phones", "data": {"uri": "s3://data/c"}, "label": "text", "unit": "characters", "seeds": 1},
    ],
    "profile": {
        "inputs": [
            {"kind": "audio", "seconds": 0.1, "batch_size": 64},
            {"kind": "text", "tokens": 4096},
            {"kind": "image"},
            {"kind": "image", "pixels": 224},
        ],
        "threads": 8,
        "repeats": 1,
    },
}
ABSOLUTE = {
    "model": {"uri": "hf://org/name@main"},
    "target": {"metric": "bytes", "max": 9007199254740991, "scope": "encoder"},
}
LEARNING = {
    "model": MODEL,
    "steps": [{"technique": "distillation", "layers_kept": 3}],
    "data": {"uri": "s3://data/text"},
}
WHOLE_LANDSCAPE = {
    "model": MODEL,
    "points": [
        {"name": "mine", "series": "own", "steps": [{"technique": "distillation", "layers_removed": 0.5}]},
        {"target": {"metric": "latency", "ratio": 0.5, "scope": "encoder"}},
    ],
    "grid": {"techniques": ["low_rank", "distillation"], "targets": ["params"], "removed": [0.25, 0.5]},
    "controls": {"first_layers": [0.5], "same_steps": True},
    "data": {"uri": "s3://data/text"},
    "recovery": {"steps": 10},
    "profile": {"inputs": [{"kind": "text", "tokens": 16}]},
    "evaluate": [{"probe": "fidelity"}],
    "reuse": False,
    "limits": {"run_timeout_s": 60},
    "labels": {"team": "speech"},
}
VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    0.5,
    1.0,
    1.5,
    1e-9,
    2**53,
    10**400,
    "",
    "0",
    "x",
    "s3://data/x",
    "file://a",
    "global",
    [],
    [1],
    [1, 1],
    [0.5],
    {},
    {"uri": "hf://a/b"},
]


def schema_named(name: str) -> Draft202012Validator:
    """Return what the contract says of a component."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": CONTRACT["components"]})


REQUEST = (schema_named("CompressionRequest"), CompressionRequest())
LANDSCAPE = (schema_named("LandscapeRequest"), LandscapeRequest())
UPLOAD = (schema_named("UploadRequest"), UploadRequest())
COMPLETION = (schema_named("UploadCompletion"), UploadCompletion())


def test_the_worker_takes_every_field() -> None:
    """What the service accepts, the worker's own vocabulary has a place for."""
    spec = fields_of(CompressionSpec)
    pairs = {
        ModelRef: requests.ModelRef,
        DataRef: requests.DataRef,
        Target: requests.Target,
        RecoverySpec: requests.Recovery,
        ProfileSpec: requests.ProfileOptions,
        Limits: requests.Limits,
    }

    assert set(CompressionRequest().fields) <= spec
    for kind, schema in pairs.items():
        assert set(schema().fields) == fields_of(kind), kind
    for schema in (requests.AudioInput, requests.TextInput, requests.ImageInput):
        assert set(schema().fields) <= fields_of(InputSpec)


def fields_of(kind: type) -> set[str]:
    """Return the names of a dataclass's fields."""
    return {each.name for each in dataclasses.fields(kind)}


def accepts(schema: Schema, body: Any) -> bool:
    """Return the server's verdict."""
    try:
        schema.load(copy.deepcopy(body))
    except ValidationError:
        return False
    return True


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value within *body*."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(body: Any, path: tuple[Any, ...], change: str, value: Any) -> Any:
    """Return *body* with the value at *path* replaced, removed or doubled, or with a new member beside it."""
    body = copy.deepcopy(body)
    parent = body
    for key in path[:-1]:
        parent = parent[key]
    if change == "replace":
        parent[path[-1]] = value
    elif change == "remove":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.append(parent[path[-1]])
    else:
        parent["surprise"] = value
    return body


@pytest.mark.parametrize(
    "body", [each["value"] for each in (COMPRESSIONS | JUDGED).values()] + [FULL, ABSOLUTE, LEARNING]
)
def test_good_requests_are_good_to_both(body: Json) -> None:
    """Every documented request, and a request with everything in it, is accepted by schema and server."""
    published, server = REQUEST

    assert [error.message for error in published.iter_errors(body)] == []
    assert server.load(copy.deepcopy(body)) == body


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data())
def test_verdicts_agree_on_compressions(data: st.DataObject) -> None:
    """However a good request is spoilt, schema and server agree whether it still is one."""
    body = data.draw(st.sampled_from([FULL, ABSOLUTE, LEARNING, *(each["value"] for each in COMPRESSIONS.values())]))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(places(body)) or [("x",)]))
        change = data.draw(st.sampled_from(["replace", "remove", "more"]))
        body = changed(body, path, change, data.draw(st.sampled_from(VALUES))) if list(places(body)) else body
    published, server = REQUEST

    assert accepts(server, body) == published.is_valid(body), body


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_verdicts_agree_on_landscapes(data: st.DataObject) -> None:
    """The same for landscapes, whole and as they are documented."""
    good = data.draw(st.sampled_from([WHOLE_LANDSCAPE, *(each["value"] for each in LANDSCAPES.values())]))
    path, change = data.draw(st.sampled_from(list(places(good)))), data.draw(st.sampled_from(["replace", "remove"]))
    body = changed(good, path, change, data.draw(st.sampled_from(VALUES)))
    published, server = LANDSCAPE

    assert accepts(server, good)
    assert accepts(server, body) == published.is_valid(body), body


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_verdicts_agree_on_uploads(data: st.DataObject) -> None:
    """The same for uploads and their completion."""
    good, (published, server) = data.draw(
        st.sampled_from([(UPLOADS["model"]["value"], UPLOAD), (COMPLETIONS["model"]["value"], COMPLETION)])
    )
    path = data.draw(st.sampled_from(list(places(good))))
    change = data.draw(st.sampled_from(["replace", "remove", "more"]))
    value = data.draw(st.sampled_from([*VALUES, "a/../b", "a//b", "/a", "a\\b", "a\n", "ü b/c", ".", "..", ".hidden"]))
    body = changed(good, path, change, value)

    assert accepts(server, body) == published.is_valid(body), body


URIS = [
    "s3://models/a",
    "s3://ab",
    "s3://models/../x",
    "s3://models/..x/y",
    "hf://a/b",
    "hf://a/b@",
    "hf://a/b@x/../y",
    "hf://ä/b",
    "hf://a",
    "upload://upl_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "upload://upl_01ARZ3NDEKTSV4RRFFQ69G5FAV/x/..",
    "file://a",
    "file:///",
    "file://../a",
    "file:////a",
    "http://a/b",
    "s3:/models",
    "s3://models/a?b",
    "s3://models/a\n",
    "s3://" + "a" * 64,
    "s3://models/" + "a" * 1020,
]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.sampled_from(URIS), st.from_regex(r"(s3|hf|upload|file)://[a-z./@?\n-]{0,12}", fullmatch=True)))
def test_verdicts_agree_on_references(uri: str) -> None:
    """What schema and server accept as a reference is the same, and the worker can read all of it."""
    published, server = REQUEST
    body = {"model": {"uri": uri}, "target": {"metric": "macs", "ratio": 0.5}}

    assert accepts(server, body) == published.is_valid(body)
    if accepts(server, body):
        assert parse_uri(uri)
    elif published.is_valid({**body, "model": MODEL}) and uri.isascii() and not uri.endswith("@"):
        with pytest.raises(InvalidUriError):
            parse_uri(uri)
