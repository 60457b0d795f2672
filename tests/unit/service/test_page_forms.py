"""The form that asks for a compression: read off the published schemas, judged by the API's."""

import json
import re
from html import unescape
from typing import Any

import pytest
from service_fakes import KEY, REQUEST, World

from jobs.contract.catalogue import catalogue
from service.pages.drafts import document_of, draft_of, without_step
from service.pages.forms import FormMaker
from service.sessions import TOKEN
from service.views.examples import COMPRESSIONS

Json = dict[str, Any]
ORIGIN = {"Origin": "http://localhost"}
ODD: Json = {
    "model": {"uri": "s3://models/tiny"},
    "steps": [
        {"technique": "distillation", "layers_kept": [3], "layers_matched": [1, 2], "learning_rate": 1e-4},
        {"technique": "distillation", "layers_kept": 3, "steps": 0},
        {"technique": "weight_pruning", "include_bias": True, "schedule": [0.1, 0.2], "scope": "layer"},
    ],
    "data": {"uri": "s3://data/some"},
    "profile": {"inputs": [{"kind": "text", "tokens": 8}, {"kind": "audio", "preset": "superb"}]},
    "evaluate": [{"probe": "fidelity"}, {"probe": "classification", "data": {"uri": "s3://a/bcd"}, "label": "x"}],
    "output": {"formats": ["safetensors", "onnx"]},
    "recovery": {"steps": 3, "control": False},
    "labels": {"team": "speech, and text", "empty": ""},
}


@pytest.fixture
def world() -> World:
    """Return an application that somebody has signed in to."""
    world = World()
    world.client.post("/login", data={"key": KEY}, headers=ORIGIN)
    return world


@pytest.fixture
def maker(world: World) -> FormMaker:
    """Return what makes forms from the contract."""
    schemas = world.app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()["components"]["schemas"]
    return FormMaker(catalogue(), schemas)


def sent(world: World, do: str, **fields: Any) -> Any:
    """Return the answer to a form with *fields*, whose names have ``__`` for each ``/``."""
    token = re.search(rf'name="{TOKEN}" value="(\w+)"', world.client.get("/new").text)[1]
    data = {name.replace("__", "/"): text for name, text in fields.items()}
    return world.client.post("/new", data={**data, TOKEN: token, "do": do}, headers=ORIGIN)


@pytest.mark.parametrize("document", [*(each["value"] for each in COMPRESSIONS.values()), ODD])
def test_a_form_says_all_that_a_request_says(maker: FormMaker, document: Json) -> None:
    """A request that is put into the form and read again is the same, value for value and type for type."""
    draft = draft_of(document)
    read = document_of(draft, maker.schemas(draft))

    assert read == document
    assert json.dumps(read, sort_keys=True) == json.dumps(document, sort_keys=True)


@pytest.mark.parametrize("technique", catalogue())
def test_a_step_has_a_field_for_each_parameter(maker: FormMaker, technique: str) -> None:
    """Whatever the catalogue lets a technique be told, the form asks for, in the catalogue's words."""
    (step,) = maker.form({"/steps/0/technique": [technique]}).steps
    properties = catalogue()[technique]["parameters"]["properties"]
    asked = {each.pointer.removeprefix("/steps/0/"): each for each in step.fields}

    assert set(asked) == set(properties)
    for name, schema in properties.items():
        assert asked[name].about.startswith(schema["description"].rstrip("."))
        assert [word for word, _ in asked[name].options] == schema.get(
            "enum", ["true", "false"][: 2 * (schema.get("type") == "boolean")]
        )


@pytest.mark.parametrize("technique", catalogue())
def test_each_technique_can_be_begun(world: World, technique: str) -> None:
    """A technique's form is an address of its own, complete without scripts."""
    page = world.client.get(f"/new?technique={technique}").text

    assert f'name="/steps/0/technique" value="{technique}"' in page
    assert all(f'name="/steps/0/{name}"' in page for name in catalogue()[technique]["parameters"]["properties"])


@pytest.mark.parametrize(("do", "kind"), [("compress", "compression"), ("plan", "plan")])
def test_what_is_submitted_is_what_the_api_takes(world: World, do: str, kind: str) -> None:
    """A form makes the very job that the same request over HTTP makes."""
    fields = {
        "__model__uri": REQUEST["model"]["uri"],
        "__steps__0__technique": "head_pruning",
        "__steps__0__heads_removed": " 0.5 ",
    }
    answer = sent(world, do, **fields, __steps__0__heads_kept="", __data__uri="", __labels="team=speech\nrun = 3")
    (job,) = world.ledger.jobs.values()

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/jobs/{job.id}")
    assert job.request == {**REQUEST, "labels": {"team": "speech", "run": "3"}}
    assert (job.kind, job.labels) == (kind, {"team": "speech", "run": "3"})
    assert [announced for announced, _ in world.queue.announced] == [job.id]


def test_what_is_wrong_is_said_where_it_is(world: World, maker: FormMaker) -> None:
    """A wrong form comes back with the API's words at their fields, listed on top, and with all that was typed."""
    fields = {"__model__uri": "ftp://x", "__steps__0__technique": "low_rank", "__steps__0__rank_ratio": "half"}
    answer = sent(world, "compress", **fields, __steps__0__weighting="fisher", __data__samples="0")
    page = unescape(answer.text)

    assert answer.status_code == 422
    assert world.ledger.jobs == {}
    for field, said in (
        ("at-model-uri", "Expected s3://bucket/prefix"),
        ("at-steps-0-rank_ratio", "Expected a number; got 'half'."),
        ("at-data-samples", "Expected at least 1 and at most 100000; got 0."),
    ):
        assert re.search(rf'<p class="error" id="{field}-wrong">.*{re.escape(said)}', page)
        assert f'<a href="#{field}">' in page
        assert re.search(rf'id="{field}"[^>]*aria-describedby="{field}-wrong[^>]*aria-invalid="true"', page)
    for typed in ('value="ftp://x"', 'value="half"', '<option value="fisher" selected>'):
        assert typed in page


@pytest.mark.parametrize(
    ("fields", "where", "said"),
    [
        ({}, "what", "Expected exactly one of steps, target; got none."),
        ({"__steps__0__technique": "head_pruning"}, "in-steps-0", "Expected exactly one of heads_removed, heads_kept"),
        ({"__steps__0__technique": "magic"}, "in-steps-0", "Expected one of distillation"),
        ({"__target__metric": "macs"}, "in-target", "Expected exactly one of ratio, max; got none."),
        (
            {"__target__metric": "macs", "__target__ratio": "0.5", "__recovery__steps": "9"},
            "in-data",
            "recovery learns from data",
        ),
        ({"__target__metric": "macs", "__target__ratio": "0.5", "__labels": "?=1"}, "at-labels", "Expected a key"),
        ({"__target__metric": "macs", "__target__ratio": "nan"}, "at-target-ratio", "Expected a number; got nan."),
        (
            {"__target__metric": "macs", "__target__ratio": "0.5", "__profile__inputs": "[{}]"},
            "at-profile-inputs",
            "Expected one of",
        ),
        (
            {"__target__metric": "macs", "__target__ratio": "0.5", "__profile__inputs": "["},
            "at-profile-inputs",
            "Expected an array",
        ),
    ],
)
def test_every_error_has_a_place(world: World, fields: dict[str, str], where: str, said: str) -> None:
    """What is wrong with an object, or inside a field that holds many values, is listed under the nearest place."""
    page = unescape(sent(world, "compress", __model__uri="s3://models/tiny", **fields).text)

    assert re.search(rf'<a href="#{where}">[^<]*</a>: {re.escape(said)}', page)
    assert f'id="{where}"' in page


def test_steps_come_and_go(world: World) -> None:
    """A step is added and removed with everything else kept, and the others keep their order and their values."""
    fields = {
        "__model__uri": "s3://models/tiny",
        "__steps__0__technique": "head_pruning",
        "__steps__0__heads_removed": "0.25",
        "__steps__1__technique": "low_rank",
        "__steps__1__rank_ratio": "0.75",
    }
    longer = sent(world, "add ffn_pruning", **fields)
    shorter = sent(world, "remove 0", **fields)

    assert longer.status_code == shorter.status_code == 200
    assert re.findall(r'technique" value="(\w+)"', longer.text) == ["head_pruning", "low_rank", "ffn_pruning"]
    assert 'id="in-steps-2" tabindex="-1" autofocus' in longer.text
    assert re.findall(r'technique" value="(\w+)"', shorter.text) == ["low_rank"]
    assert re.search(r'name="/steps/0/rank_ratio"[^>]*value="0.75"', shorter.text)
    assert 'value="s3://models/tiny"' in shorter.text


def test_a_target_stands_instead_of_steps(world: World) -> None:
    """Asking for a target puts the steps away, and asking for steps the target."""
    fields = {"__steps__0__technique": "head_pruning", "__steps__0__heads_removed": "0.25"}
    target = sent(world, "target", **fields)
    steps = sent(world, "steps", __target__metric="macs")

    assert 'name="/target/ratio"' in target.text
    assert "/steps/0" not in target.text
    assert 'name="/target/ratio"' not in steps.text


def test_a_job_can_be_asked_for_again(world: World) -> None:
    """The form begins with what an earlier job asked for; somebody else's job is not there."""
    page = world.client.get(f"/new?like={world.submit(labels={'team': 'speech'})}").text

    assert re.search(r'name="/steps/0/heads_removed"[^>]*value="0.5"', page)
    assert "team=speech</textarea>" in page
    assert world.client.get("/new?like=job_00000000000000000000000000").status_code == 404


def test_a_removed_step_leaves_no_hole() -> None:
    """The steps behind a removed one move up, and nothing else moves."""
    draft = {"/steps/0/technique": ["a"], "/steps/1/technique": ["b"], "/steps/1/x": ["1"], "/model/uri": ["u"]}

    assert without_step(draft, 0) == {"/steps/0/technique": ["b"], "/steps/0/x": ["1"], "/model/uri": ["u"]}
