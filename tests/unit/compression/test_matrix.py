"""The page of architectures: which technique works where."""

from jobs.compression.anatomies import FAMILIES
from jobs.compression.matrix import NOTES, PAGE, page
from jobs.compression.technique import registry
from tests import tiny


def test_the_committed_page_is_what_the_table_says() -> None:
    """The page is generated, never written."""
    assert PAGE.read_text() == page()


def test_every_cell_is_tried_by_the_laws() -> None:
    """Each model type of the table has a tiny model, on which the laws run every technique."""
    known = {model_type for family in FAMILIES for model_type in family.model_types}

    assert known <= set(tiny.FAMILIES)
    assert all(f"| `{model_type}` |" in page() for model_type in known)


def test_every_note_belongs_to_a_technique_and_to_some_family() -> None:
    """No note is left over from what has gone."""
    for note in NOTES:
        assert note.technique in registry()
        assert any(note.applies(family) for family in FAMILIES)
        assert note.sentence in page()
