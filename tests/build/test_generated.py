"""What `make generate` and `make constraints` write from here."""

import re
from pathlib import Path

import pytest

from deploy.constraints import OURS, declared
from deploy.examples_page import EXAMPLES
from deploy.examples_page import files as example_names
from deploy.examples_page import with_files as shown_files
from deploy.readme import BEGIN, END, with_table
from jobs.contract.catalogue import catalogue


def test_the_readme_has_a_row_for_each_technique(root: Path) -> None:
    """The committed table is what the catalogue gives."""
    text = (root / "README.md").read_text()

    assert with_table(text) == text
    assert all(f"| `{name}` |" in text for name in catalogue())


def test_only_the_table_is_written() -> None:
    """What stands around the two marks stays."""
    text = with_table(f"before\n{BEGIN}stale\n{END}\nafter\n")

    assert text.startswith(f"before\n{BEGIN}| technique |")
    assert text.endswith(f"{END}\nafter\n")


def test_a_readme_without_marks_is_refused() -> None:
    """A README that lost its marks is not overwritten."""
    with pytest.raises(SystemExit, match="must contain"):
        with_table("no marks")


def test_every_requirement_is_constrained(root: Path) -> None:
    """Each declared requirement has an exact version that satisfies it."""
    pinned = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)$", (root / "constraints.txt").read_text()))

    for path in OURS:
        for requirement in declared(path):
            name = re.sub(r"[-_.]+", "-", requirement.name).lower()
            assert requirement.specifier.contains(pinned[name], prereleases=True), requirement


def test_constraints_serve_any_machine(root: Path) -> None:
    """No host, no path and no local build is named."""
    assert not re.search(r"://|/|\+|@", (root / "constraints.txt").read_text().partition("\n")[2])


def test_an_example_that_is_not_shown_is_refused() -> None:
    """A page that leaves out a file of docs/examples is not written."""
    with pytest.raises(SystemExit, match=r"receiver\.py"):
        shown_files("no marks")


def test_an_example_is_shown_as_it_is(root: Path) -> None:
    """The committed page has each file whole."""
    text = (root / "docs/pipelines.md").read_text()

    assert all((EXAMPLES / name).read_text() in text for name in example_names())
