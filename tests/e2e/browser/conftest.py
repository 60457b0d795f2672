"""A real Chromium, the system's own, and somebody who is signed in with it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Open
from playwright.sync_api import Browser, Page, sync_playwright

from deploy.embedded.stack import Stack

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return the browser; not for the whole session, for while it runs no other test can run an event loop."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), "")
    if not found:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is on the path; on Debian and Ubuntu, apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(root: Path) -> Path:
    """Return the folder that screenshots are kept in, for whoever wants to look."""
    folder = root / "test-output" / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def opened(chromium: Browser, stack: Stack) -> Iterator[Open]:
    """Return what opens a page of its own, in a context with the given options; faults of scripts fail the test."""
    contexts, faults = [], []

    def open_page(*, key: str | None = stack.api_key, **options: object) -> Page:
        context = chromium.new_context(base_url=stack.url, **options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
        if key:
            page.goto("/login")
            page.get_by_label("API key").fill(key)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
