"""The variables that our processes read."""

from dataclasses import fields

from deploy.settings_page import SECTIONS
from jobs.state.settings import environment_name


def known() -> set[str]:
    """Return all of them."""
    return {environment_name(each.name) for kind in SECTIONS.values() for each in fields(kind)}


def secret() -> set[str]:
    """Return those that nobody else is to see."""
    return {
        environment_name(each.name) for kind in SECTIONS.values() for each in fields(kind) if each.metadata["secret"]
    }
