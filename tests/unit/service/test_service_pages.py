"""What needs no key: health, the contract and its page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from service_fakes import World

from jobs.contract.catalogue import catalogue
from jobs.contract.errors import StorageError
from jobs.state.objects import ObjectMissingError

ROOT = Path(__file__).parents[3]


def test_lives_without_collaborators(world: World) -> None:
    """Liveness touches nothing: it is fine while everything else is not."""
    world.probes["queue"] = world.probes["store"] = pytest.fail

    assert world.client.get("/livez").get_json() == {"status": "ok", "checks": {}}


def test_is_ready_when_all_answer(world: World) -> None:
    """Readiness names what was asked."""
    assert world.client.get("/readyz").get_json() == {"status": "ok", "checks": {"queue": "ok", "store": "ok"}}


@pytest.mark.parametrize(
    "error", [StorageError("down"), ObjectMissingError("no bucket"), ConnectionRefusedError("secret host")]
)
def test_is_not_ready_when_one_is_away(world: World, error: Exception) -> None:
    """Readiness fails with the part that does not answer, and nothing about where it is."""

    def fail() -> None:
        raise error

    world.probes["store"] = fail
    answer = world.client.get("/readyz")

    assert (answer.status_code, answer.get_json()["code"], answer.headers["Retry-After"]) == (503, "not_ready", "2")
    assert answer.get_json()["detail"] == f"Not ready: store ({type(error).__name__})."


def test_shows_the_catalogue(world: World) -> None:
    """The techniques are those of the catalogue, word for word."""
    listed = world.call("GET", "/v1/techniques").get_json()["data"]

    assert listed == list(catalogue().values())
    assert world.call("GET", "/v1/techniques/low_rank").get_json() == catalogue()["low_rank"]


def test_page_asks_nobody_else(world: World) -> None:
    """The page's scripts and styles are the service's own, there are no inline scripts, and the policy says so."""
    page = world.client.get("/docs", buffered=True)
    text = page.get_data(as_text=True)
    files = re.findall(r'(?:src|href)="([^"]+)"', text)

    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]* src=)", text) == []
    assert [file for file in files if not file.startswith(("/docs/", "data:"))] == []
    for file in files:
        assert file == "data:," or world.client.get(file, buffered=True).status_code == 200


@pytest.mark.parametrize("name", ["..%2Fdocs.html", "../../settings.py", "nope.js", "__init__.py"])
def test_page_shows_nothing_else(world: World, name: str) -> None:
    """Only the files of the page can be read."""
    assert world.client.get(f"/docs/{name}", buffered=True).status_code == 404


@pytest.mark.parametrize("path", ["/livez", "/docs", "/v1/techniques", "/v1/nope"])
def test_answers_guard_the_browser(world: World, path: str) -> None:
    """Every answer forbids framing, sniffing and foreign content."""
    headers = world.call("GET", path, buffered=True).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


def test_never_loads_the_numeric_stack() -> None:
    """The process that serves never loads torch, transformers or numpy."""
    modules = "service.app, service.keys, service.openapi, service.error_pages, jobs.state.opening"
    code = f"import sys, {modules}; print(*{{'torch', 'transformers', 'numpy', 'safetensors'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert done.stdout.split() == []
