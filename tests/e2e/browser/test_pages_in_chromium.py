"""The web page in a real browser, over the real stack: what people do with it, and how it looks to them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from browsing import CONTRAST, DUPLICATES, FOCUS, HIDE, NAMELESS, PHONE, Open
from http_calls import GOOD, QUICK, accepted, ended, step
from playwright.sync_api import Page, expect

from deploy.embedded.stack import Stack

PATIENCE_MS = 200_000


@pytest.fixture(scope="module")
def done(api: httpx.Client, model_uris: Mapping[str, str]) -> str:
    """Return the id of a compression that has succeeded."""
    return str(ended(api, accepted(api, {**GOOD, "labels": {"team": "pages"}})["id"])["id"])


def fill_in(page: Page, model: str) -> None:
    """Ask for half of the heads of *model*, with as little measuring as may be."""
    page.goto("/new")
    page.get_by_label("uri needed").fill(model)
    page.get_by_role("button", name="head pruning").click()
    page.get_by_label("heads removed").fill("0.5")
    page.locator("#in-profile > summary").click()
    page.get_by_label("inputs").fill('[{"kind": "text", "tokens": 8}]')
    page.locator("#in-profile-more summary").click()
    page.get_by_label("repeats").fill("1")


def test_somebody_compresses_a_model(
    opened: Open, api: httpx.Client, model_uris: Mapping[str, str], tmp_path: Path, pictures: Path
) -> None:
    """Signed in, a form submitted, a job watched to its end without a reload, a file downloaded whole."""
    page = opened()
    fill_in(page, model_uris["bert"])
    page.screenshot(path=pictures / "form.png", full_page=True)
    page.get_by_role("button", name="Compress", exact=True).click()
    page.wait_for_url("**/jobs/job_*")
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_text("succeeded", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=pictures / "job.png", full_page=True)
    job_id = page.url.rpartition("/")[2]
    with page.expect_download() as downloading:
        page.get_by_role("link", name="config.json", exact=True).click()
    downloading.value.save_as(tmp_path / "config.json")
    manifest = api.get(f"/v1/jobs/{job_id}/artifacts").json()["files"]
    content = (tmp_path / "config.json").read_bytes()

    assert page.evaluate("window.notReloaded")
    assert page.locator("#said").text_content() == "succeeded"
    assert hashlib.sha256(content).hexdigest() in {each["sha256"] for each in manifest if each["path"] == "config.json"}
    expect(page.get_by_role("table").first).to_contain_text("Parameters")


@pytest.mark.slow
def test_somebody_cancels_a_job(opened: Open, model_uris: Mapping[str, str]) -> None:
    """The button on a job's page stops it, and the page says so by itself."""
    page = opened()
    page.goto("/new?technique=distillation")
    page.get_by_label("uri needed").fill(model_uris["bert"])
    page.get_by_label("layers kept").fill("1")
    page.locator("#in-data > summary").click()
    page.locator("#at-data-uri").fill("s3://models/dense/bert")
    page.get_by_role("button", name="Compress", exact=True).click()
    page.wait_for_url("**/jobs/job_*")
    page.get_by_role("button", name="Cancel this job").click()

    expect(page.locator(".state", has_text="cancelled")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Cancel this job")).to_have_count(0)


@pytest.mark.slow
def test_the_keyboard_is_enough(opened: Open, stack: Stack, model_uris: Mapping[str, str]) -> None:
    """Signing in, choosing a step, filling it in and submitting take the keyboard alone, and focus is always seen."""
    page = opened(key=None)
    page.goto("/new")
    page.keyboard.type(stack.api_key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/new")
    tab_to(page, "at-model-uri")
    page.keyboard.type(model_uris["bert"])
    tab_to(page, "head pruning")
    page.keyboard.press("Enter")
    page.wait_for_selector("#in-steps-0")
    tab_to(page, "at-steps-0-heads_removed")
    page.keyboard.type("0.5")
    tab_to(page, "plan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/job_*")

    expect(page.locator(".path")).to_contain_text("plan")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this id or text has the focus; each on the way shows that it has."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUS)
        if focused["id"] != "main":
            assert focused["line"] == "solid", focused
            assert focused["width"] >= 2
        if name in (focused["id"], focused["text"][: len(name)]):
            return
    pytest.fail(f"Tab does not lead to {name!r}")


@pytest.mark.slow
def test_enter_in_a_field_submits(opened: Open) -> None:
    """Enter in a field means the main button, not the first one that removes or adds something."""
    page = opened()
    page.goto("/new?technique=head_pruning")
    page.locator("#at-model-uri").fill("ftp://nowhere")
    page.locator("#at-model-uri").press("Enter")

    expect(page.locator("#wrong")).to_be_focused()
    expect(page.locator("#at-model-uri-wrong")).to_contain_text("Expected s3://bucket/prefix")
    page.locator("#wrong a").first.click()
    expect(page.locator("#at-model-uri")).to_be_focused()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_page_is_readable(opened: Open, done: str, scheme: str, size: str, pictures: Path) -> None:
    """At 320 pixels and on a desk, light and dark, nothing runs out of the page and all text stands out."""
    page = opened(color_scheme=scheme, **(PHONE if size == "phone" else {}))
    for name, path in (
        ("jobs", "/"),
        ("job", f"/jobs/{done}"),
        ("new", f"/new?like={done}"),
        ("techniques", "/techniques"),
        ("nothing", "/nothing-here"),
        ("signing-in", "/login"),
    ):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        page.screenshot(path=pictures / f"{name}-{size}-{scheme}.png", full_page=True)

        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        assert page.evaluate(CONTRAST) == [], name


@pytest.mark.slow
def test_every_page_has_its_landmarks_and_names(opened: Open, done: str) -> None:
    """Each page has one main part, one first heading, a language, a title of its own, and a name for every control."""
    page, titles = opened(), set()
    for path in ("/", f"/jobs/{done}", "/new?technique=weight_pruning", "/techniques", "/login"):
        page.goto(path)
        titles.add(page.title())

        assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
        assert page.locator("h1").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.evaluate(NAMELESS) == page.evaluate(DUPLICATES) == []
        assert page.evaluate("[...document.querySelectorAll('th')].filter((e) => !e.scope).length") == 0
    assert len(titles) == 5


@pytest.mark.slow
def test_pages_work_without_scripts(opened: Open, done: str, model_uris: Mapping[str, str]) -> None:
    """Without scripts one signs in, adds a step to a form, submits it and sees the job."""
    page = opened(java_script_enabled=False)
    page.goto("/new?technique=head_pruning")
    page.get_by_label("uri needed").fill(model_uris["bert"])
    page.get_by_label("heads removed").fill("0.5")
    page.locator("#another > summary").click()
    page.get_by_role("button", name="ffn pruning").click()
    page.get_by_label("units removed").fill("0.5")
    page.get_by_role("button", name=re.compile("Plan only")).click()

    expect(page.locator("h1")).to_have_text("head pruning (heads removed 0.5), then ffn pruning (units removed 0.5)")


@pytest.mark.slow
def test_a_hidden_page_rests(opened: Open, api: httpx.Client, model_uris: Mapping[str, str]) -> None:
    """Nobody is asked for news while nobody looks, and at once when somebody does again."""
    page = opened()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "x-fragment" in request.headers else None)
    page.evaluate(HIDE, arg=True)
    asked.clear()
    page.wait_for_timeout(5000)
    while_hidden = list(asked)
    page.evaluate(HIDE, arg=False)
    page.wait_for_timeout(500)

    assert while_hidden == []
    assert len(asked) == 1


@pytest.mark.slow
def test_the_list_is_live(opened: Open, api: httpx.Client, model_uris: Mapping[str, str]) -> None:
    """A job that somebody else submits appears by itself, and where the focus was it stays."""
    page = opened()
    page.get_by_label("Label").focus()
    job = accepted(api, {**GOOD, "profile": QUICK, **step("quantization", dtype="bfloat16")})

    expect(page.locator(f"#{job['id']}")).to_be_visible()
    expect(page.get_by_label("Label")).to_be_focused()
    expect(page.locator(f"li:has(#{job['id']}) .state")).to_contain_text("succeeded", timeout=PATIENCE_MS)


@pytest.mark.slow
def test_a_landscape_is_charted_while_it_fills(
    opened: Open, api: httpx.Client, model_uris: Mapping[str, str], pictures: Path
) -> None:
    """The charts draw what has come so far, follow by themselves until all points have ended, and lead to each job."""
    heads = [{"steps": [{"technique": "head_pruning", "heads_kept": count}]} for count in (1, 2)]
    request = {"model": {"uri": model_uris["bert"]}, "points": heads, "profile": QUICK}
    job_id = api.post("/v1/landscapes", json=request).json()["id"]
    page = opened(color_scheme="dark", **PHONE)
    page.goto(f"/jobs/{job_id}")
    page.get_by_role("link", name="Open its charts").click()
    page.wait_for_url(f"**/landscapes/{job_id}")

    expect(page.locator("#live .lead")).to_contain_text("it is complete", timeout=PATIENCE_MS)
    expect(page.locator("#landscape .landscape-chart svg")).to_be_visible()
    page.screenshot(path=pictures / "landscape-phone-dark.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator("#points > summary").click()
    page.locator("#points a").last.click()
    page.wait_for_url("**/jobs/job_*")
    expect(page.locator(".path")).to_contain_text("a point of a landscape")
