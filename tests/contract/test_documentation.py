"""The documentation says what the project is: its import contracts, settings, decisions and files."""

import re
import tomllib
from pathlib import Path

import pytest

from deploy.settings_page import PAGE, SECTIONS, page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_FILE = re.compile(r"`((?:jobs|service|clients|tests|deploy|docs)/[\w./-]+)`")


def named(file: Path) -> str:
    """Return the file's path from the root, as a test's name."""
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_architecture_quotes_every_import_contract(contract: dict[str, str]) -> None:
    """The architecture page names each contract in the words in which it is enforced."""
    assert f"*{contract['name']}*" in (DOCS / "architecture.md").read_text()


def test_architecture_quotes_no_contract_of_the_past() -> None:
    """What the layers' paragraphs set in italics is a contract that exists."""
    layers = (DOCS / "architecture.md").read_text().partition("## Layers")[2].partition("\n## ")[0]
    quoted = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", layers)

    assert set(quoted) == {contract["name"] for contract in CONTRACTS}


def test_every_decision_is_listed() -> None:
    """Decisions are numbered without gaps, and the list leads to each of them."""
    listed = (DOCS / "decisions" / "README.md").read_text()

    assert [decision.name[:4] for decision in DECISIONS] == [f"{n:04}" for n in range(1, len(DECISIONS) + 1)]
    assert [decision.name for decision in DECISIONS if f"({decision.name})" not in listed] == []


@pytest.mark.parametrize("decision", DECISIONS, ids=named)
def test_every_decision_has_the_three_parts(decision: Path) -> None:
    """A decision says what the situation was, what was decided and what follows."""
    headings = re.findall(r"^## (.+)$", decision.read_text(), re.MULTILINE)

    assert headings == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("file", PAGES, ids=named)
def test_links_lead_somewhere(file: Path) -> None:
    """Every relative link of a page leads to a file that exists."""
    targets = [target for target in _LINK.findall(file.read_text()) if "://" not in target]

    assert [target for target in targets if not (file.parent / target).exists()] == []


@pytest.mark.parametrize("file", PAGES, ids=named)
def test_files_that_are_named_exist(file: Path) -> None:
    """Every path of the project that a page names is there."""
    assert [path for path in _FILE.findall(file.read_text()) if not (ROOT / path).exists()] == []


def test_page_of_settings_is_what_the_code_says() -> None:
    """The page of settings is the one that ``make generate`` would write."""
    assert PAGE.read_text() == page()


def test_page_of_settings_leaves_none_out() -> None:
    """Every class of settings of service and jobs has its section."""
    sources = "".join(file.read_text() for part in ("jobs", "service") for file in (ROOT / part).rglob("*.py"))

    assert set(re.findall(r"^class (\w+)\(Settings\)", sources, re.MULTILINE)) == {
        k.__name__ for k in SECTIONS.values()
    }
