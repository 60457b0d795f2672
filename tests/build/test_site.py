"""The documentation as a site."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig

from deploy.site import on_page_markdown

PAGES = (
    "index",
    "quickstart",
    "first_steps",
    "concepts/low_rank",
    "landscapes",
    "api",
    "client_reference",
    "security",
    "decisions/index",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Return the site, built so that a link or an anchor that leads nowhere fails it."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(request.config.rootpath / "mkdocs.yaml"), site_dir=str(folder)))
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_has_the_page(site: Path, page: str) -> None:
    """It is there, and has a heading."""
    assert "<h1" in (site / f"{page}.html").read_text()


def test_every_page_of_the_project_is_on_it(site: Path, root: Path) -> None:
    """Nothing of ``docs`` is left out but the examples, which pages show."""
    written = {path.relative_to(root / "docs").with_suffix(".html") for path in (root / "docs").rglob("*.md")}
    expected = {path.with_name("index.html") if path.stem == "README" else path for path in written}

    assert expected <= {path.relative_to(site) for path in site.rglob("*.html")}


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Styles, scripts, fonts and pictures are the site's own: it can be read without a network, and tells nobody."""
    fetched = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(https?:)?//", re.IGNORECASE)

    assert not [path.name for path in site.rglob("*.html") if fetched.search(path.read_text())]


def test_a_link_into_the_sources_is_left_as_its_text(site: Path) -> None:
    """Where the repository has a test behind a link, the site has its name."""
    reliability = (site / "reliability.html").read_text()

    assert "test_kill_the_worker" in reliability
    assert "../tests/" not in reliability


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("[the rules](../Makefile)", "the rules"),
        ("[tenants](tenants.md#keys)", "[tenants](tenants.md#keys)"),
        ("[nothing](nowhere.md)", "[nothing](nowhere.md)"),
    ],
)
def test_only_what_is_there_loses_its_link(link: str, shown: str) -> None:
    """A file without a page leaves its text; a page, and what is nowhere, stay links, which MkDocs then judges."""
    page, tenants = (SimpleNamespace(file=SimpleNamespace(src_uri=name)) for name in ("faq.md", "tenants.md"))

    assert on_page_markdown(link, page, MkDocsConfig(), [tenants.file]) == shown


def test_the_client_is_described_by_its_docstrings(site: Path) -> None:
    """Methods with their arguments are there."""
    reference = (site / "client_reference.html").read_text()

    assert "modelpress.ModelPress.compress" in reference
    assert "MODELPRESS_API_KEY" in reference
