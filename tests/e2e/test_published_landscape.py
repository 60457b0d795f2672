"""The published landscape of MelHuBERT, all of it, as one request to the service."""

from pathlib import Path

import pytest
from modelpress import ModelPress

from deploy.landscape.paper import INPUT, asked, compared, write_melhubert
from deploy.landscape.published import POINTS


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_every_published_point_comes_out_exactly(press: ModelPress, tmp_path: Path) -> None:
    """Parameters are the published integers, and MACs per second of speech are within half a per cent."""
    profile = {"inputs": [{**INPUT, "timed": False}]}
    rows = compared(asked(press, write_melhubert(tmp_path / "melhubert"), profile))

    assert len(rows) == 35
    assert [(row["name"], row["params"]) for row in rows] == [(each.name, each.params) for each in POINTS]
    for row in rows:
        assert row["giga_macs_per_second"] == pytest.approx(row["giga_macs_published"], rel=0.005), row["name"]
