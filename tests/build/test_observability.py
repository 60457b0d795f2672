"""Alerts and dashboard ask for figures that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from shown import known

from jobs.contract.errors import ModelPressError

FOLDER = Path(__file__).parents[2] / "deploy/observability"


def alerts() -> list[dict[str, Any]]:
    """Return the rules."""
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return what the dashboard shows."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return found


def asked() -> Iterator[str]:
    """Yield every question that is put to Prometheus."""
    yield from (rule["expr"] for rule in alerts())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


@pytest.mark.parametrize("question", list(asked()))
def test_every_question_can_be_asked(question: str) -> None:
    """It is PromQL, and the series it names are shown by the service."""
    promql_parser.parse(question)

    assert set(re.findall(r"modelpress_\w+", question)) <= known()


def test_every_figure_is_on_the_dashboard_or_wakes_somebody() -> None:
    """Nothing is counted that nobody looks at."""
    looked_at = {name for question in asked() for name in re.findall(r"modelpress_\w+", question)}
    families = {name.removesuffix("_count").removesuffix("_sum").removesuffix("_bucket") for name in known()}

    assert {name for name in families if not any(each.startswith(name) for each in looked_at)} == set()


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """Who is woken reads what is wrong, what to do first, and whether it can wait for the morning."""
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert rule["annotations"].keys() == {"summary", "action"}
    assert re.fullmatch(r"\d+m", rule["for"])


def test_alerts_name_error_codes_that_exist() -> None:
    """A code that was renamed does not silence its alert."""
    codes = {
        code for rule in alerts() for found in re.findall(r'code=~"([^"]*)"', rule["expr"]) for code in found.split("|")
    }
    todo, exist = [ModelPressError], set()
    while todo:
        kind = todo.pop()
        exist.add(getattr(kind, "code", ""))
        todo += kind.__subclasses__()

    assert codes
    assert codes <= exist


def test_panels_do_not_overlap() -> None:
    """Each panel has a place of its own, a unit and a sentence that explains it."""
    cells = [
        (x, y)
        for each in panels()
        for x in range(each["gridPos"]["x"], each["gridPos"]["x"] + each["gridPos"]["w"])
        for y in range(each["gridPos"]["y"], each["gridPos"]["y"] + each["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert all(each["description"] and each["fieldConfig"]["defaults"]["unit"] for each in panels())
