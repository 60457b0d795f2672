"""Landscapes over HTTP, with collaborators in memory."""

from typing import Any

import pytest
from service_fakes import TENANT, World

from jobs.contract.state import JobState
from jobs.landscape.points import points_of

MODEL = {"uri": "s3://models/minilm"}
TARGET = {"target": {"metric": "macs", "ratio": 0.5}}
GRID = {"techniques": ["head_pruning"], "removed": [0.25, 0.5]}


def test_a_landscape_is_accepted_as_one_job(world: World) -> None:
    """The answer is a job of its kind, whose request spans the points."""
    answer = world.call("POST", "/v1/landscapes", json={"model": MODEL, "grid": GRID})
    job = answer.get_json()

    assert (answer.status_code, job["kind"], job["state"]) == (202, "landscape", "queued")
    assert len(points_of(job["request"])) == 2
    assert [each for each, *_ in world.queue.announced] == [job["id"]]


def test_a_landscape_is_shown_before_it_is_complete(world: World) -> None:
    """While points are under way there is no report, but there is what they have come to."""
    job = world.call("POST", "/v1/landscapes", json={"model": MODEL, "grid": GRID}).get_json()

    assert world.call("GET", f"/v1/jobs/{job['id']}/report").status_code == 404
    shown = world.call("GET", f"/v1/landscapes/{job['id']}")
    assert (shown.status_code, shown.get_json()["schema"]) == (200, "modelpress/landscape/v1")


def test_what_is_published_is_shown_once_there_is_something(world: World) -> None:
    """A landscape that has ended is shown as it was published."""
    job = world.call("POST", "/v1/landscapes", json={"model": MODEL, "grid": GRID}).get_json()
    published = world.landscapes.report(world.ledger.jobs[job["id"]]) | {"answers": ["Smaller is faster."]}
    world.ledger.move(job["id"], JobState.SUCCEEDED)
    world.ledger.reports[job["id"]] = published

    assert world.call("GET", f"/v1/landscapes/{job['id']}").get_json()["answers"] == ["Smaller is faster."]


def test_a_compression_is_no_landscape(world: World) -> None:
    """The address of another kind of job says where its report is."""
    answer = world.call("GET", f"/v1/landscapes/{world.submit()}")

    assert answer.status_code == 404
    assert "is a compression" in answer.get_json()["detail"]


def test_cancelling_a_landscape_cancels_its_points(world: World) -> None:
    """What a landscape has asked for does not outlast it."""
    job = world.call("POST", "/v1/landscapes", json={"model": MODEL, "grid": GRID}).get_json()
    answer = world.call("POST", f"/v1/jobs/{job['id']}/cancel")

    assert (answer.status_code, answer.get_json()["state"]) == (202, "cancelled")
    assert world.landscapes.cancelled == [job["id"]]
    assert world.ledger.show(TENANT, job["id"]).state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({}, "", "at least one of points, grid"),
        ({"grid": {"removed": [0.5]}}, "/grid", "at least one of techniques, targets"),
        ({"grid": {**GRID, "removed": [1]}}, "/grid/removed/0", "at most 0.99"),
        ({"grid": {**GRID, "techniques": ["magic"]}}, "/grid/techniques/0", "Expected one of head_pruning"),
        ({"points": [{}]}, "/points/0", "exactly one of steps, target"),
        ({"points": [{**TARGET, "name": "dense"}]}, "/points/0/name", "not dense or same_steps"),
        ({"points": [{**TARGET, "series": "same_steps"}]}, "/points/0/series", "not dense or same_steps"),
        ({"grid": GRID, "controls": {"same_steps": True}}, "/recovery", "add recovery"),
        ({"points": [{"steps": [{"technique": "distillation", "layers_kept": 3}]}]}, "/data", "learns from data"),
    ],
)
def test_a_wrong_landscape_is_told_where_and_why(world: World, body: dict[str, Any], pointer: str, said: str) -> None:
    """Each mistake is found before anything is accepted, with a pointer to it."""
    answer = world.call("POST", "/v1/landscapes", json={"model": MODEL, **body})
    found = {each["pointer"]: each["detail"] for each in answer.get_json()["errors"]}

    assert answer.status_code == 422
    assert said in found[pointer]
