"""The page of a landscape: readable without scripts, and with all that the scripts draw from."""

import json
import re
from html import unescape

import page_reports
import pytest
from service_fakes import KEY, NOW, OTHER_TENANT, TENANT, World

from jobs.contract.state import JobState
from jobs.landscape.html import LIBRARY, STYLE
from service.pages.landscapes import page_of

REQUEST = {"model": {"uri": "s3://models/small"}, "points": []}


@pytest.fixture
def world() -> World:
    """Return an application that somebody has signed in to."""
    world = World()
    world.client.post("/login", data={"key": KEY}, headers={"Origin": "http://localhost"})
    return world


def begun(world: World, *, tenant: str = TENANT) -> str:
    """Return the id of a landscape that is under way."""
    job = world.ledger.accept(tenant, "landscape", REQUEST)
    world.ledger.move(job.id, JobState.RUNNING, started_at=NOW)
    world.landscapes.reports[job.id] = page_reports.landscape(complete=False)
    return job.id


def test_shows_what_there_is_so_far(world: World) -> None:
    """While points come in, the page says how many have, has their figures, and asks again in a while."""
    page = unescape(world.client.get(f"/landscapes/{begun(world)}").text)

    assert "3 of 4 points have ended." in page
    assert 'data-every="10"' in page
    assert "0.75 (0.7 to 0.8)" in page
    assert "At 80 % of the time, half the heads keeps the most." in page
    assert "Rank 600 would make it larger." in page
    assert "measured for an earlier landscape" in page
    assert f'href="/jobs/job_{"1" * 26}">half the heads</a>' in page


def test_a_complete_landscape_rests(world: World) -> None:
    """The report of a landscape that has ended is the published one, and nothing more is asked for."""
    job_id = begun(world)
    world.ledger.move(job_id, JobState.SUCCEEDED, ended_at=NOW)
    world.ledger.reports[job_id] = page_reports.landscape(complete=True)
    page = world.client.get(f"/landscapes/{job_id}").text

    assert "4 of 4 points have ended: it is complete." in page
    assert "data-every" not in page


def test_the_charts_draw_from_the_very_report(world: World) -> None:
    """The page carries the report for its scripts, as data that no text within can turn into markup."""
    job_id = begun(world)
    page = world.client.get(f"/landscapes/{job_id}").text
    (report,) = re.findall(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)

    assert json.loads(report) == world.call("GET", f"/v1/landscapes/{job_id}").get_json()
    assert "<b>" not in page


def test_the_charts_come_from_here(world: World) -> None:
    """The library and the style of the charts are the service's own files, and nothing else in their folder is."""
    for name in (LIBRARY, STYLE):
        assert world.client.get(f"/static/charts/{name}", buffered=True).status_code == 200
    assert world.client.get("/static/charts/../html.py").status_code == 404


def test_a_job_leads_to_its_charts(world: World) -> None:
    """The page of a landscape's job leads to its charts, and that of a point to its landscape."""
    job_id = begun(world)
    point = world.ledger.accept(TENANT, "compression", {"model": {"uri": "s3://models/small"}})
    world.ledger.move(point.id, JobState.QUEUED, parent=job_id)

    assert f'href="/landscapes/{job_id}"' in world.client.get(f"/jobs/{job_id}").text
    assert f'href="/landscapes/{job_id}"' in world.client.get(f"/jobs/{point.id}").text


def test_cancelling_a_landscape_ends_its_points(world: World) -> None:
    """The button on the page of a landscape's job does what the API does: its points go with it."""
    job_id = begun(world)
    token = re.search(r'name="form_token" value="(\w+)"', world.client.get("/").text)[1]
    world.client.post(f"/jobs/{job_id}/cancel", data={"form_token": token}, headers={"Origin": "http://localhost"})

    assert world.landscapes.cancelled == [job_id]


def test_only_ones_own_landscapes_are_there(world: World) -> None:
    """Another tenant's landscape is not there, nor is a job that is none."""
    for job_id in (begun(world, tenant=OTHER_TENANT), world.submit()):
        assert world.client.get(f"/landscapes/{job_id}").status_code == 404


def test_fronts_are_named_by_their_measures() -> None:
    """A front says between what, from the cheapest point on, and where it bends."""
    fronts = next(each for each in page_of(page_reports.landscape(complete=True)).tables if each.caption == "Fronts")

    assert fronts.rows == [["Closeness against Wall-clock", "half the heads, dense", "half the heads"]]
