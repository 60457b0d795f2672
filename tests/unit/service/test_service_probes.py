"""Probes in requests."""

from typing import Any

import pytest
from service_fakes import REQUEST, World

Json = dict[str, Any]
DATA = {"uri": "s3://data/digits"}
DIGIT: Json = {"probe": "classification", "data": DATA, "label": "digit"}
GOOD: list[Json] = [
    {"probe": "fidelity"},
    DIGIT,
    {**DIGIT, "seeds": 5, "layer": "weighted"},
    {"probe": "regression", "data": {**DATA, "samples": 300}, "label": "age", "seeds": [0, 7]},
    {"probe": "similarity", "data": DATA},
    {"probe": "similarity", "data": DATA, "label": "gold", "first": "a", "second": "b"},
    {"probe": "phones", "data": DATA},
    {"probe": "phones", "data": DATA, "label": "text", "unit": "characters"},
]


def test_every_probe_is_accepted_as_it_was_sent(world: World) -> None:
    """Compressions, plans and profiles take every kind of probe, and the job shows them as they came."""
    asked = {"compressions": REQUEST, "plans": REQUEST, "profiles": {"model": REQUEST["model"]}}
    for path, request in asked.items():
        answer = world.call("POST", f"/v1/{path}", json={**request, "evaluate": GOOD})

        assert answer.status_code == 202
        assert answer.get_json()["request"]["evaluate"] == GOOD


@pytest.mark.parametrize(
    ("probe", "pointer"),
    [
        ({}, "/evaluate/0/probe"),
        ({"probe": "taste"}, "/evaluate/0/probe"),
        ({"probe": "fidelity", "label": "digit"}, "/evaluate/0/label"),
        ({"probe": "classification", "data": DATA}, "/evaluate/0/label"),
        ({"probe": "classification", "label": "digit"}, "/evaluate/0/data"),
        ({**DIGIT, "label": ""}, "/evaluate/0/label"),
        ({**DIGIT, "layer": "first"}, "/evaluate/0/layer"),
        ({**DIGIT, "seeds": 0}, "/evaluate/0/seeds"),
        ({**DIGIT, "seeds": 17}, "/evaluate/0/seeds"),
        ({**DIGIT, "seeds": []}, "/evaluate/0/seeds"),
        ({**DIGIT, "seeds": [3, 3]}, "/evaluate/0/seeds"),
        ({**DIGIT, "data": {"uri": "https://example.org/x"}}, "/evaluate/0/data/uri"),
        ({**DIGIT, "data": {**DATA, "samples": 1}}, "/evaluate/0/data/samples"),
        ({"probe": "phones", "data": DATA, "unit": "words"}, "/evaluate/0/unit"),
        ({"probe": "similarity", "data": DATA, "seeds": 3}, "/evaluate/0/seeds"),
    ],
)
def test_what_is_wrong_with_a_probe_is_pointed_at(world: World, probe: Json, pointer: str) -> None:
    """A probe that could never be measured is refused with the request."""
    problem = world.call("POST", "/v1/compressions", json={**REQUEST, "evaluate": [probe]}).get_json()

    assert problem["status"] == 422
    assert pointer in [each["pointer"] for each in problem["errors"]]
    assert world.ledger.jobs == {}


def test_a_probe_is_asked_for_once(world: World) -> None:
    """The same probe twice would be the same figure twice."""
    problem = world.call("POST", "/v1/compressions", json={**REQUEST, "evaluate": [DIGIT, DIGIT]}).get_json()

    assert [each["pointer"] for each in problem["errors"]] == ["/evaluate"]
