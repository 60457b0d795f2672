"""What `docs/operations.md` tells operators is about things that exist, and nothing that may wake them is left out."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import variables
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text()


def section(title: str) -> str:
    """Return the text below a heading of any level, up to the next."""
    found = re.search(rf"(?m)^#+ {re.escape(title)}\n((?:(?!#).*\n)*)", PAGE)
    return found[1].strip() if found else ""


def alerts() -> list[str]:
    """Return the names of all alerts, in the order of the rules."""
    groups = yaml.safe_load((ROOT / "deploy/observability/alerts.yaml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("alert", alerts())
def test_every_alert_has_a_section(alert: str) -> None:
    """Whoever is woken finds the alert by its name, and more to do than the alert itself says."""
    assert len(section(alert).splitlines()) >= 2


def test_no_section_is_about_an_alert_that_is_gone() -> None:
    """Sections stand in the order of the rules, and for each there is one."""
    _, _, below = PAGE.partition("\n## Alerts\n")

    assert re.findall(r"(?m)^### (\w+)$", below.partition("\n## ")[0]) == alerts()


def test_every_command_exists() -> None:
    """Modules and files that the page names are there."""
    modules = set(re.findall(r"python -m ([\w.]+)", PAGE))
    files = set(re.findall(r"`((?:deploy|tests|benchmarks)/[\w./-]+)`", PAGE))

    assert modules
    assert all(find_spec(module) for module in modules)
    assert {path for path in files if not (ROOT / path).exists()} == set()


def test_every_setting_exists() -> None:
    """Variables that the page names are read by some process."""
    named = {name.rstrip("_") for name in re.findall(r"MODELPRESS_[A-Z0-9_]+", PAGE)}

    assert named - {"MODELPRESS_URL"} <= variables.known()


def test_every_user_of_redis_is_explained() -> None:
    """Who may do what is told of each user that there is, the one that may do nothing among them."""
    users = re.findall(r"(?m)^user (\w+) ", (ROOT / "deploy/redis/users.acl").read_text())

    assert all(f"`{user}`" in section("Who may do what in Redis") for user in users)


def test_links_within_the_page_lead_somewhere() -> None:
    """Each link to a heading finds one, and each to a file a file."""
    anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in re.findall(r"(?m)^#+ (.+)$", PAGE)}
    links = re.findall(r"\]\(([^)]+)\)", PAGE)

    assert {each[1:] for each in links if each.startswith("#")} <= anchors
    assert all((ROOT / "docs" / each.partition("#")[0]).exists() for each in links if not each.startswith("#"))
