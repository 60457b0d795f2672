"""Submitting over HTTP."""

from typing import Any

import pytest
from service_fakes import REQUEST, World


def test_accepts_a_compression(world: World) -> None:
    """A good request is stored, announced and answered with where to look and when."""
    answer = world.call("POST", "/v1/compressions", json={**REQUEST, "labels": {"team": "speech"}})
    job = answer.get_json()

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
    assert answer.headers["Retry-After"] == "2"
    assert (job["state"], job["terminal"], job["labels"]) == ("queued", False, {"team": "speech"})
    assert job["request"] == {**REQUEST, "labels": {"team": "speech"}}
    assert world.queue.announced == [(job["id"], 21_600)]


def test_is_accepted_without_a_queue(world: World) -> None:
    """A job that cannot be announced is accepted all the same: it is stored, and the janitor announces it."""
    world.queue.broken = True
    answer = world.call("POST", "/v1/compressions", json=REQUEST)

    assert answer.status_code == 202
    assert answer.get_json()["id"] in world.ledger.jobs


def step(technique: str, **params: Any) -> dict[str, Any]:
    """Return a request with one step."""
    return {"steps": [{"technique": technique, **params}]}


MODEL = REQUEST["model"]
BAD = [
    ({}, "/model", "invalid_request"),
    ({"model": MODEL}, "", "invalid_request"),
    ({"model": MODEL, "steps": []}, "/steps", "invalid_request"),
    ({"model": MODEL, "steps": [{}]}, "/steps/0/technique", "invalid_request"),
    ({"model": MODEL, "steps": ["x"]}, "/steps/0", "invalid_request"),
    ({"model": MODEL, **step("magic")}, "/steps/0/technique", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_removed="0.5")}, "/steps/0/heads_removed", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_removed=True)}, "/steps/0/heads_removed", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_removed=1.5)}, "/steps/0/heads_removed", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_kept=1.5)}, "/steps/0/heads_kept", "invalid_request"),
    ({"model": MODEL, **step("head_pruning")}, "/steps/0", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_removed=0.5, heads_kept=2)}, "/steps/0", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_removed=0.5, size=2)}, "/steps/0/size", "invalid_request"),
    ({"model": MODEL, **step("head_pruning", heads_removed=0.5, scope="all")}, "/steps/0/scope", "invalid_request"),
    ({"model": MODEL, **step("weight_pruning", pattern="2:4", sparsity=0.6)}, "/steps/0/sparsity", "invalid_request"),
    ({"model": MODEL, **step("weight_pruning", pattern="block")}, "/steps/0/block_size", "invalid_request"),
    ({"model": MODEL, **step("weight_pruning", block_size=4)}, "/steps/0/pattern", "invalid_request"),
    (
        {"model": MODEL, **step("weight_pruning", sparsity=0.5, include_bias=0)},
        "/steps/0/include_bias",
        "invalid_request",
    ),
    ({"model": MODEL, **step("distillation", layers_kept=[0, 0], steps=0)}, "/steps/0/layers_kept", "invalid_request"),
    ({"model": MODEL, **step("distillation", layers_kept=True, steps=0)}, "/steps/0/layers_kept", "invalid_request"),
    ({"model": MODEL, **step("distillation", layers_kept=3)}, "/data", "data_required"),
    ({"model": MODEL, **step("low_rank", rank=3, weighting="activation")}, "/data", "data_required"),
    ({"model": MODEL, **step("weight_pruning", schedule=[0.25])}, "/data", "data_required"),
    ({**REQUEST, "recovery": {"steps": 5}}, "/data", "data_required"),
    ({**REQUEST, "target": {"metric": "macs", "ratio": 0.5}}, "", "invalid_request"),
    ({"model": MODEL, "target": {"metric": "macs", "ratio": 0.5, "max": 5}}, "/target", "invalid_request"),
    ({"model": MODEL, "target": {"metric": "speed", "ratio": 0.5}}, "/target/metric", "invalid_request"),
    ({**REQUEST, "model": {"uri": "https://example.org/model"}}, "/model/uri", "invalid_uri"),
    ({**REQUEST, "model": {"uri": "s3://models/../secrets"}}, "/model/uri", "invalid_uri"),
    ({**REQUEST, "profile": {"threads": 9}}, "/profile/threads", "invalid_request"),
    ({**REQUEST, "profile": {"inputs": [{"kind": "video"}]}}, "/profile/inputs/0/kind", "invalid_request"),
    (
        {**REQUEST, "profile": {"inputs": [{"kind": "audio", "tokens": 5}]}},
        "/profile/inputs/0/tokens",
        "invalid_request",
    ),
    ({**REQUEST, "labels": {"a/b": 3}}, "/labels/a~1b", "invalid_request"),
    ({**REQUEST, "labels": {str(n): "" for n in range(17)}}, "/labels", "invalid_request"),
    ({**REQUEST, "outputs": {}}, "/outputs", "invalid_request"),
    ([], "", "invalid_request"),
]


@pytest.mark.parametrize(("body", "pointer", "code"), BAD)
def test_points_at_what_is_wrong(world: World, body: Any, pointer: str, code: str) -> None:
    """A wrong field is refused with 422, a pointer to it and what was expected; nothing is stored."""
    answer = world.call("POST", "/v1/compressions", json=body)
    problem = answer.get_json()

    assert (answer.status_code, problem["code"]) == (422, code) or pointer == "/model"
    assert pointer in [each["pointer"] for each in problem["errors"]]
    assert all(each["detail"] for each in problem["errors"])
    assert world.ledger.jobs == {}


def test_says_what_came(world: World) -> None:
    """The detail names the field, what was expected and what came."""
    body = {"model": MODEL, **step("head_pruning", heads_removed=1.5)}
    problem = world.call("POST", "/v1/compressions", json=body).get_json()

    assert (
        problem["detail"] == "/steps/0/heads_removed: Expected at least 0; got 1.5."
        or "less than 1" in problem["detail"]
    )


def test_keeps_whole_numbers_whole(world: World) -> None:
    """JSON knows one kind of number: 2.0 heads are 2 heads."""
    answer = world.call("POST", "/v1/compressions", json={"model": MODEL, **step("head_pruning", heads_kept=2.0)})

    assert answer.get_json()["request"]["steps"] == [{"technique": "head_pruning", "heads_kept": 2}]
    assert isinstance(next(iter(world.ledger.jobs.values())).request["steps"][0]["heads_kept"], int)


def test_accepts_a_plan(world: World) -> None:
    """The request of a compression, sent to plans, is a job of that kind."""
    answer = world.call("POST", "/v1/plans", json={**REQUEST, "labels": {"team": "speech"}})
    job = answer.get_json()

    assert (answer.status_code, answer.headers["Location"]) == (202, job["links"]["self"])
    assert (job["kind"], job["state"], job["labels"]) == ("plan", "queued", {"team": "speech"})
    assert [each for each, _ in world.queue.announced] == [job["id"]]
    listed = world.call("GET", "/v1/jobs?kind=plan").get_json()["data"]
    assert [each["id"] for each in listed] == [job["id"]]
    assert world.call("GET", "/v1/jobs?kind=compression").get_json()["data"] == []


def test_accepts_a_profile(world: World) -> None:
    """A model and how to measure it are a job of that kind; what to do to the model is none of its business."""
    asked = {"model": MODEL, "profile": {"threads": 2}}
    answer = world.call("POST", "/v1/profiles", json=asked)
    job = answer.get_json()

    assert (answer.status_code, answer.headers["Location"]) == (202, job["links"]["self"])
    assert (job["kind"], job["request"]) == ("profile", asked)
    assert [each for each, _ in world.queue.announced] == [job["id"]]
    assert world.call("POST", "/v1/profiles", json={**REQUEST, **asked}).status_code == 422


@pytest.mark.parametrize("lengths", [{}, {"seconds": 1, "preset": "superb"}, {"preset": "common_voice"}])
def test_audio_is_of_one_length_or_of_a_published_set(world: World, lengths: dict[str, Any]) -> None:
    """Neither, both, or a set that nobody knows are refused; the one that is known is taken."""
    for given, status in ((lengths, 422), ({"preset": "superb"}, 202)):
        profile = {"inputs": [{"kind": "audio", **given}]}

        assert world.call("POST", "/v1/profiles", json={"model": MODEL, "profile": profile}).status_code == status


def test_plans_only_what_could_be_compressed(world: World) -> None:
    """A plan's request is held to the same rules."""
    answer = world.call("POST", "/v1/plans", json={"model": MODEL})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
