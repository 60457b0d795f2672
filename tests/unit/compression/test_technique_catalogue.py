"""The catalogue that the service reads is what the techniques say."""

from typing import Any

import pytest

from jobs.compression.catalogue import entry, render
from jobs.compression.technique import registry
from jobs.contract.catalogue import CATALOGUE_PATH, catalogue, data_required


def test_the_file_is_what_the_code_says() -> None:
    """The committed file is up to date."""
    assert CATALOGUE_PATH.read_text() == render()


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_technique_has_words(name: str) -> None:
    """A summary of one sentence, a description and at least one source come from the module's docstring."""
    found = entry(registry()[name])

    assert found["summary"].endswith(".")
    assert len(found["description"]) > len(found["summary"])
    assert found["sources"]
    assert not any(word in found["description"] for word in ("Source:", "Differs:", "Cost:"))


@pytest.mark.parametrize(
    ("technique", "params", "expected"),
    [
        ("weight_pruning", {"sparsity": 0.5}, False),
        ("weight_pruning", {"pattern": "2:4", "criterion": "sparsegpt"}, True),
        ("low_rank", {"rank": 3}, False),
        ("low_rank", {"rank": 3, "weighting": "activation"}, True),
        ("head_pruning", {"heads_kept": 3}, False),
        ("head_pruning", {"heads_kept": 3, "score": "taylor"}, True),
        ("ffn_pruning", {"units_kept": 3, "score": "fisher"}, True),
        ("distillation", {"layers_kept": 3}, True),
        ("distillation", {"layers_kept": 3, "steps": 0}, False),
    ],
)
def test_who_needs_data(technique: str, params: dict[str, Any], expected: bool) -> None:
    """Whether a step needs data follows from its parameters, defaults included."""
    assert data_required(catalogue()[technique], params) is expected
