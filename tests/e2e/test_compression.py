"""Every technique on a text and on a speech model, from the request to a folder that a stranger opens."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from fresh_process import differences
from http_calls import Json, events
from modelpress import Job, ModelPress
from modelpress.report import Report
from safetensors import safe_open
from tiny import HEADS, LAYERS, UNITS, WIDTH
from tiny_folders import FAMILIES

from jobs.contract.spec import request_sha256

STAGES = ["fetch", "load", "compress", "evaluate", "write", "profile", "publish"]
PROFILES: Mapping[str, Json] = {
    "bert": {"inputs": [{"kind": "text", "tokens": 16, "batch_size": 2}], "repeats": 2},
    "hubert": {"inputs": [{"kind": "audio", "seconds": 0.1}], "repeats": 2},
}
SQUARES, PAIRS = 4 * WIDTH * WIDTH, 2 * WIDTH * UNITS
"""Weights of one layer's attention, and of its feed-forward pair."""

HEAD = 4 * WIDTH * (WIDTH // HEADS) + 3 * (WIDTH // HEADS)
UNIT = 2 * WIDTH + 1
"""Parameters that leave with one head and with one unit, biases included."""

SQUARE_RANK, PAIR_RANK = 8, 11
"""Half the parameters of a 32 x 32 and of a 32 x 64 map: 8 (32 + 32) = 512, 11 (32 + 64) = 1056 of 2048."""


@dataclass(frozen=True, slots=True)
class Technique:
    """A step at about half, what the report must say of it, and how many parameters must have gone.

    Attributes:
        learns: whether it needs data.
        zeros: how many weights must be zero instead.
    """

    step: Json
    achieved: Json
    door: str
    removed: int = 0
    zeros: int = 0
    learns: bool = False


TECHNIQUES = {
    "weight_pruning": Technique(
        {"technique": "weight_pruning", "sparsity": 0.5},
        {"sparsity": 0.5},
        "native",
        zeros=LAYERS * (SQUARES + PAIRS) // 2,
    ),
    "head_pruning": Technique(
        {"technique": "head_pruning", "heads_removed": 0.5},
        {"heads_by_layer": [HEADS // 2] * LAYERS, "heads_kept": LAYERS * HEADS // 2, "heads_removed": 0.5},
        "modelpress",
        removed=LAYERS * HEADS // 2 * HEAD,
    ),
    "ffn_pruning": Technique(
        {"technique": "ffn_pruning", "units_removed": 0.5},
        {"units_by_layer": [UNITS // 2] * LAYERS, "units_kept": LAYERS * UNITS // 2, "units_removed": 0.5},
        "native",
        removed=LAYERS * UNITS // 2 * UNIT,
    ),
    "low_rank": Technique(
        {"technique": "low_rank", "rank_ratio": 0.5, "weighting": "activation", "allocation": "uniform"},
        {"left_dense": 0},
        "modelpress",
        removed=LAYERS * (SQUARES + PAIRS - 4 * SQUARE_RANK * 2 * WIDTH - 2 * PAIR_RANK * (WIDTH + UNITS)),
        learns=True,
    ),
    "distillation": Technique(
        {"technique": "distillation", "layers_kept": 1, "steps": 3},
        {"layers_kept": [LAYERS - 1]},
        "native",
        removed=SQUARES + 4 * WIDTH + PAIRS + UNITS + WIDTH + 4 * WIDTH,  # maps, their biases, two norms
        learns=True,
    ),
}
CASES = [f"{technique} of {family}" for family in FAMILIES for technique in TECHNIQUES]
every_case = pytest.mark.parametrize("case", CASES)


@dataclass(frozen=True, slots=True)
class Result:
    """A job that succeeded, and what was downloaded of it."""

    job: Job
    folder: Path

    @property
    def report(self) -> Report:
        """Return its report."""
        return self.job.report()

    @property
    def manifest(self) -> Json:
        """Return the manifest that lies beside the files."""
        manifest: Json = json.loads((self.folder / "manifest.json").read_text())
        return manifest


def technique_of(case: str) -> Technique:
    """Return what is done in *case*."""
    return TECHNIQUES[case.partition(" of ")[0]]


def family_of(case: str) -> str:
    """Return to which model."""
    return case.partition(" of ")[2]


@pytest.fixture(scope="module")
def results(
    press: ModelPress,
    model_uris: Mapping[str, str],
    data_uris: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Result]:
    """Return every case's result; all are submitted before the first is waited for."""
    shelf, jobs = tmp_path_factory.mktemp("results"), {}
    for case in CASES:
        technique, family = technique_of(case), family_of(case)
        jobs[case] = press.compress(
            model=model_uris[family],
            steps=[technique.step],
            data={"uri": data_uris[family], "samples": 32} if technique.learns else None,
            profile=PROFILES[family],
        )
    return {
        case: Result(job, job.wait(timeout=200).download(shelf / case.replace(" ", "-"))) for case, job in jobs.items()
    }


@every_case
def test_events_tell_the_story_in_order(api: httpx.Client, results: dict[str, Result], case: str) -> None:
    """A job is queued, runs through its stages in order, and succeeds; ids grow and progress never goes back."""
    told = events(api, results[case].job.id)
    states = [each["data"]["state"] for each in told if each["type"] == "state"]
    stages = [each["stage"] for each in told if each["type"] == "progress"]

    assert states == ["queued", "running", "succeeded"]
    assert [stage for stage in dict.fromkeys(stages) if stage in STAGES] == STAGES
    assert set(stages) <= {*STAGES, technique_of(case).step["technique"]}
    assert told[-1]["data"]["state"] == "succeeded"
    for before, after in pairwise(told):
        assert _number(before["id"]) < _number(after["id"])
        assert before["at"] <= after["at"]
        if before["stage"] == after["stage"] != "compress":
            assert before["data"].get("fraction", 0) <= after["data"].get("fraction", 1)


def _number(event_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in event_id.split("-"))


@every_case
def test_the_report_counts_what_is_in_the_files(
    results: dict[str, Result], model_folders: Mapping[str, Path], case: str
) -> None:
    """Parameters, non-zeros and bytes are those of the safetensors files, of the source's and of the result's."""
    report = results[case].report

    assert _figures(report.dense) == _counted(model_folders[family_of(case)])
    assert _figures(report.compressed) == _counted(results[case].folder)


def _figures(profile: Any) -> Json:
    return {name: value for name, value in profile.to_json().items() if not isinstance(value, list | dict)} | {
        "peak_memory_bytes": None
    }


def _counted(folder: Path) -> Json:
    """Return the figures of the weights in *folder*, counted anew."""
    total = nonzero = encoder = encoder_nonzero = 0
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        for name in weights.keys():  # noqa: SIM118 - no mapping
            tensor = weights.get_tensor(name)
            total, nonzero = total + tensor.numel(), nonzero + int(tensor.count_nonzero())
            if name.startswith(("encoder.layer.", "encoder.layers.")):
                encoder, encoder_nonzero = encoder + tensor.numel(), encoder_nonzero + int(tensor.count_nonzero())
    return {
        "params_total": total,
        "params_nonzero": nonzero,
        "params_encoder": encoder,
        "params_encoder_nonzero": encoder_nonzero,
        "bytes_stored": (folder / "model.safetensors").stat().st_size,
        "peak_memory_bytes": None,
    }


@every_case
def test_what_went_is_what_was_asked_for(results: dict[str, Result], case: str) -> None:
    """The report repeats the request, says what was achieved, and exactly that many parameters are gone or zero."""
    expected, report = technique_of(case), results[case].report
    (step,) = report.steps
    requested = {key: value for key, value in expected.step.items() if key != "technique"}
    dense, compressed = report.dense, report.compressed

    assert (step.technique, step.requested.to_json()) == (expected.step["technique"], requested)
    assert {key: step.achieved.to_json()[key] for key in expected.achieved} == expected.achieved
    assert dense.params_total - compressed.params_total == expected.removed
    assert dense.params_encoder - compressed.params_encoder == expected.removed
    assert compressed.params_encoder - compressed.params_encoder_nonzero == expected.zeros
    assert report.door == expected.door


@every_case
def test_macs_follow_the_parameters(results: dict[str, Result], case: str) -> None:
    """Structure that has gone is not computed any more; zeros are, and only the theoretical figure leaves them out."""
    report, zeros = results[case].report, technique_of(case).zeros
    before, after = report.dense.inputs[0], report.compressed.inputs[0]

    assert before.uncounted_ops.to_json() == after.uncounted_ops.to_json() == {}
    assert before.macs_executed == before.macs_theoretical
    assert (after.macs_executed < before.macs_executed) == (zeros == 0)
    assert (after.macs_theoretical < after.macs_executed) == (zeros > 0)


@every_case
def test_times_and_fidelity_are_whole(results: dict[str, Result], case: str) -> None:
    """Latency has its spread, the speed-up lies in its interval, fidelity says what it was measured on."""
    report, family = results[case].report, family_of(case)
    after, speedup = report.compressed.inputs[0], report.speedup[0]

    assert 0 < after.latency_ms.min <= after.latency_ms.p50
    assert (after.latency_ms.threads, after.latency_ms.n >= 2) == (1, True)
    assert speedup.low <= speedup.ratio <= speedup.high
    assert (after.real_time_factor is None) == (family == "bert")
    assert report.fidelity.source == ("held_out" if technique_of(case).learns else "synthetic")
    assert 0 < report.fidelity.cosine <= 1.000001
    assert str(report).count("\n") > 8


@every_case
def test_the_manifest_is_true(results: dict[str, Result], model_folders: Mapping[str, Path], case: str) -> None:
    """It lists every file with its size and hash, and identifies source and request."""
    manifest, folder = results[case].manifest, results[case].folder
    here = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    here.pop("manifest.json")

    assert {each["path"]: (each["bytes"], each["sha256"]) for each in manifest["files"]} == {
        path: (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()) for path, file in here.items()
    }
    assert manifest["job"] == results[case].job.id
    assert manifest["request_sha256"] == request_sha256(results[case].job.record.request.to_json())
    assert manifest["source"] == {
        "uri": results[case].job.record.request.model.uri,
        "revision": None,
        "sha256": _sha256sum(model_folders[family_of(case)]),
    }
    assert results[case].report.model.sha256 == manifest["source"]["sha256"]


def _sha256sum(folder: Path) -> str:
    """Return the hash of what ``sha256sum *`` prints."""
    files = sorted(folder.iterdir())
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@every_case
def test_the_folder_says_what_was_done(results: dict[str, Result], case: str) -> None:
    """compression.json names the source, pinned, and tells each step as the report does."""
    record = json.loads((results[case].folder / "compression.json").read_text())

    assert record["origin"] == results[case].manifest["source"]
    assert [step["technique"] for step in record["steps"]] == [step.technique for step in results[case].report.steps]
    if record["steps"][0]["technique"] == "head_pruning":
        kept = record["steps"][0]["achieved"]["kept_by_layer"]
        assert [len(heads) for heads in kept] == record["steps"][0]["achieved"]["heads_by_layer"]


@every_case
def test_the_folder_is_whole(results: dict[str, Result], model_folders: Mapping[str, Path], case: str) -> None:
    """The source's companions came along, the card says where it comes from, and code only where it is needed."""
    folder, source = results[case].folder, model_folders[family_of(case)]
    companions = {file.name for file in source.iterdir()} - {"config.json", "model.safetensors"}
    card = (folder / "README.md").read_text()

    for name in companions:
        assert (folder / name).read_bytes() == (source / name).read_bytes()
    assert results[case].job.record.request.model.uri in card
    assert (folder / "modeling_modelpress.py").exists() == (technique_of(case).door == "modelpress")


def test_every_result_opens_in_a_fresh_process(results: dict[str, Result], tmp_path: Path) -> None:
    """Transformers alone gives the recorded outputs bit for bit; remote code is trusted only where it is needed."""
    folders = {result.folder: technique_of(case).door == "modelpress" for case, result in results.items()}

    assert differences(folders, tmp_path) == dict.fromkeys(folders, 0.0)


def test_a_result_with_another_structure_stops_without_trust(results: dict[str, Result], tmp_path: Path) -> None:
    """Where remote code is not trusted, a structural result raises instead of opening wrongly."""
    folders = dict.fromkeys((r.folder for c, r in results.items() if technique_of(c).door == "modelpress"), False)
    found = differences(folders, tmp_path)

    assert len(found) == 4
    assert all("trust_remote_code" in str(why) for why in found.values()), found
