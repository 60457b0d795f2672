"""The list of jobs and the page of one, as a browser gets them."""

from datetime import timedelta
from html import unescape
from typing import Any

import page_reports
import pytest
from service_fakes import KEY, NOW, OTHER_TENANT, TENANT, World

from jobs.contract.errors import DataRequiredError
from jobs.contract.state import JobState
from jobs.state.failures import failure

ENDED: dict[str, Any] = {"started_at": NOW, "ended_at": NOW + timedelta(seconds=187), "attempt": 1}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def world() -> World:
    """Return an application that somebody has signed in to."""
    world = World()
    world.client.post("/login", data={"key": KEY}, headers={"Origin": "http://localhost"})
    return world


def shown(world: World, path: str, status: int = 200, **headers: str) -> str:
    """Return the page at *path*, with its characters as they are read."""
    answer = world.client.get(path, headers=BROWSER | headers)

    assert answer.status_code == status
    assert answer.content_type == "text/html; charset=utf-8"
    return unescape(answer.text)


def succeeded(world: World, report: dict[str, Any], kind: str = "compression") -> str:
    """Return the id of a job that ended with *report*."""
    job = world.ledger.accept(TENANT, kind, {"model": {"uri": "s3://models/hubert"}})
    world.ledger.move(job.id, JobState.SUCCEEDED, **ENDED)
    world.ledger.reports[job.id] = report
    return job.id


def test_lists_jobs_newest_first(world: World) -> None:
    """The list has each job's request, model, state and labels; another tenant's job is not there."""
    first, second = world.submit(labels={"team": "speech"}), world.submit()
    other = world.ledger.accept(OTHER_TENANT, "compression", {"model": {"uri": "s3://models/secret"}}).id
    page = shown(world, "/")

    assert page.index(second) < page.index(first)
    assert other not in page
    assert "head pruning (heads removed 0.5)" in page
    assert "team=speech" in page
    assert "</span> queued</span>" in page


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("state=queued", True),
        ("state=failed", False),
        ("kind=plan", False),
        ("label=team", True),
        ("state=&label=", True),
    ],
)
def test_list_is_filtered_as_the_api_filters(world: World, query: str, fits: bool) -> None:
    """State, kind and label narrow the list; a field that was left empty does not."""
    job_id = world.submit(labels={"team": "speech"})

    assert (job_id in shown(world, f"/?{query}")) is fits


def test_list_goes_on_where_a_page_ends(world: World) -> None:
    """The last job of a page is followed by the first of the next, with the same filters."""
    ids = [world.submit() for _ in range(5)]
    page = shown(world, "/?limit=2&state=queued")
    following = page.partition('<a href="/?')[2].partition('"')[0]

    assert "state=queued" in following
    assert ids[4] in page
    assert ids[2] not in page
    assert ids[2] in shown(world, f"/?{following}")


def test_list_says_what_is_wrong_with_a_filter(world: World) -> None:
    """A filter that the API would refuse is refused in its words."""
    assert "state: Expected one of queued, running" in shown(world, "/?state=odd", 422)


def test_what_callers_wrote_is_text(world: World) -> None:
    """Markup in a label or model is shown, never run."""
    job_id = world.submit(labels={"a": "<script>alert(1)</script>"}, model={"uri": "s3://models/<b>"})
    for path in ("/", f"/jobs/{job_id}"):
        text = world.client.get(path).text

        assert "<script>alert" not in text
        assert "<b>" not in text
        assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize("path", ["/", "/jobs/{id}"])
def test_a_script_gets_the_part_that_changes(world: World, path: str) -> None:
    """What keeps a page current asks for that part of it, which is word for word what the page has."""
    address = path.format(id=world.submit())
    part = shown(world, address, **{"X-Fragment": "live"})

    assert part.strip() in shown(world, address)
    assert part.strip().startswith('<div id="live"')
    assert "<html" not in part


@pytest.mark.parametrize(("state", "goes_on"), [(JobState.RUNNING, True), (JobState.FAILED, False)])
def test_a_job_that_has_ended_is_not_asked_for_again(world: World, state: JobState, goes_on: bool) -> None:
    """The page of a job stays current until the job ends."""
    job_id = world.submit()
    world.ledger.move(job_id, state)

    assert ('data-every="2"' in shown(world, f"/jobs/{job_id}")) is goes_on


def test_shows_how_far_a_job_is(world: World) -> None:
    """A running job has its stage, its share and its latest events, and can be cancelled."""
    job_id = world.submit()
    progress = {"stage": "head_pruning", "step": 3, "steps": 12, "fraction": 0.25}
    world.ledger.move(job_id, JobState.RUNNING, progress=progress, started_at=NOW, attempt=1)
    for index in range(120):
        world.events.append(job_id, f"layer number {index}.")
    page = shown(world, f"/jobs/{job_id}")

    assert "head pruning, 25%" in page
    assert 'max="1" value="0.25"' in page
    assert page.index("layer number 119.") < page.index("layer number 20.")
    assert "layer number 19." not in page
    assert f'action="/jobs/{job_id}/cancel"' in page


def test_says_what_went_wrong_and_what_to_do(world: World) -> None:
    """A failed job has its message, what the code means and whether to ask again."""
    job_id = world.submit()
    error = failure(DataRequiredError("low_rank learns from data; add data."), stage="load", attempt=1)
    world.ledger.move(job_id, JobState.FAILED, error=error, **ENDED)
    page = shown(world, f"/jobs/{job_id}")

    assert "low_rank learns from data; add data." in page
    assert "A step learns from data, and the request has none." in page
    assert "change what the message names" in page
    assert '/docs/errors#data_required"' in page
    assert "/cancel" not in page
    assert f'action="/jobs/{job_id}/retry"' in page


def test_shows_before_and_after(world: World) -> None:
    """A compression's page has the figures of its report, how it loads and its files."""
    job_id = succeeded(world, page_reports.compression())
    page = shown(world, f"/jobs/{job_id}")

    for said in (
        "47 000 000 of 94 000 000 parameters are left.".replace(" 000", "\u202f000"),
        "Faster on batch 1, 10 s of audio: dense over compressed 1.60, 95 % interval 1.50 to 1.70.",
        "MACs leave out operations without a formula: aten::odd.",
        "0.850 (0.800 to 0.900)",
        "model = AutoModelForCTC.from_pretrained(folder, trust_remote_code=True)",
        f'<a href="/jobs/{job_id}/files/sub/model.safetensors" download>',
    ):
        assert said in page


def test_shows_plans_and_profiles(world: World) -> None:
    """A plan says that it may differ; a profile says where its figures come from."""
    plan = shown(world, f"/jobs/{succeeded(world, page_reports.plan(), 'plan')}")
    profile = shown(world, f"/jobs/{succeeded(world, page_reports.profiled(), 'profile')}")

    assert "The compression may differ." in plan
    assert "encoder.layers.0" in profile
    assert "HubertLayer" in profile


def test_a_file_is_where_the_store_says(world: World) -> None:
    """A download leads to a presigned address; a file that the manifest does not name is not there."""
    job_id = succeeded(world, page_reports.compression())
    answer = world.client.get(f"/jobs/{job_id}/files/sub/model.safetensors")

    assert answer.status_code == 307
    assert answer.headers["Location"].endswith("files/sub/model.safetensors?filename=model.safetensors")
    assert "Expected a file of the manifest" in shown(world, f"/jobs/{job_id}/files/nope", 404)


def test_foreign_jobs_are_not_there(world: World) -> None:
    """The page, the files and the end of another tenant's job are as unknown as a made-up one's."""
    job = world.ledger.accept(OTHER_TENANT, "compression", {"model": {"uri": "s3://models/secret"}})
    world.ledger.move(job.id, JobState.SUCCEEDED, **ENDED)

    assert "Expected the id of one of your jobs" in shown(world, f"/jobs/{job.id}", 404)
    assert "Expected the id of one of your jobs" in shown(world, f"/jobs/{job.id}/files/config.json", 404)


def test_errors_suit_who_asks(world: World) -> None:
    """A browser gets a page where no API is; the API, and whoever asks for anything, gets a problem document."""
    assert "Expected an address" in shown(world, "/nope", 404)
    for path, headers in (("/nope", {}), ("/nope", {"Accept": "*/*"}), ("/v1/nope", BROWSER)):
        answer = world.call("GET", path, headers=headers)

        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
