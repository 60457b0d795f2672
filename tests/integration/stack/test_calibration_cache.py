"""The second job on a model and its data does not measure again what the first one kept in the real store."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from jobs import pipeline
from jobs.contract.spec import CompressionSpec
from jobs.state.calibrations import Calibrations
from jobs.state.storage import S3Store
from tests.e2e.tiny_folders import write_data, write_model

REQUEST = {
    "model": {"uri": "s3://models/tiny"},
    "data": {"uri": "s3://data/text"},
    "steps": [{"technique": "ffn_pruning", "units_removed": 0.5, "reconstruct": False}],
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return folders with a tiny model and some text."""
    folder = tmp_path_factory.mktemp("sources")
    return {"model": write_model("bert", folder / "model"), "data": write_data("bert", folder / "data")}


def weights(sources: Mapping[str, Path], out: Path, cache: Calibrations | None) -> tuple[bytes, int]:
    """Return the weights that a job gives, and how many batches it ran to measure the model."""
    said: list[str] = []
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    pipeline.run(
        CompressionSpec.from_json(REQUEST),
        pipeline.Folders(sources["model"], out, sources["data"], cache=cache),
        lambda stage, step, steps, message="": said.append(message),
    )
    return (out / "model.safetensors").read_bytes(), said.count("calibration")


def test_the_second_job_starts_at_once(store: S3Store, sources: Mapping[str, Path], tmp_path: Path) -> None:
    """Without a cache, with an empty and with a full one the bytes are the same; with the full one no batch is run."""
    cache = Calibrations(store, "acme", {"model": "tiny", "data": "text"})

    alone, first, second = (weights(sources, tmp_path / "out", each) for each in (None, cache, cache))

    assert alone[0] == first[0] == second[0]
    assert alone[1] == first[1] > 1
    assert second[1] == 1  # the pass is said to be done


def test_a_record_that_was_damaged_in_the_store(store: S3Store, sources: Mapping[str, Path], tmp_path: Path) -> None:
    """A job whose records were overwritten by something else measures again, and gives the same bytes."""
    cache = Calibrations(store, "zeta", {"model": "tiny", "data": "text"})
    first = weights(sources, tmp_path / "out", cache)
    for each in list(store.list("tenants/zeta/calibrations/")):
        store.put(each.key, b"something else")

    assert weights(sources, tmp_path / "out", cache) == first
    assert weights(sources, tmp_path / "out", cache) == (first[0], 1)
