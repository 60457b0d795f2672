"""What only a worker can find wrong: the job says it, and the worker lives on."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_calls import GOOD, Json, accepted, ended, events, problem, step
from modelpress import ModelPress
from tiny import tiny
from tiny_folders import put_folder
from transformers import ConvBertConfig, ConvBertModel, PreTrainedModel

from deploy.embedded.stack import BUCKET, MODELS_BUCKET, Stack
from jobs.state.storage import S3Store


@dataclass(frozen=True, slots=True)
class Fails:
    """A request that only the worker can judge: the error's code and stage, and what its message says."""

    what: str
    code: str
    stage: str
    says: str
    change: Json = field(default_factory=dict)
    folder: str = ""

    @property
    def request(self) -> Json:
        """Return the whole request; *folder* is one of `BROKEN`."""
        good = {name: value for name, value in GOOD.items() if name != "steps" or "target" not in self.change}
        model = {"model": {"uri": f"s3://{MODELS_BUCKET}/broken/{self.folder}"}} if self.folder else {}
        return good | model | self.change


def _without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02}q\x00.")  # an empty dict, pickled


def _truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def _config(**changes: Any) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return write


def _replaced(model: Callable[[], Any]) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        shutil.rmtree(folder)
        model().save_pretrained(folder)

    return write


def _filled(model: PreTrainedModel, name: str, value: float) -> PreTrainedModel:
    model.get_parameter(name).data.fill_(value)
    return model


def _unmoving(model: PreTrainedModel) -> PreTrainedModel:
    model.config.conv_stride = (0, 2)
    return model


SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 50}
BROKEN: Mapping[str, Callable[[Path], object]] = {
    "no-config": _without("config.json"),
    "no-weights": _without("model.safetensors"),
    "pickled": _pickled,
    "truncated": _truncated,
    "misfit": _config(intermediate_size=96),
    "invented": _config(model_type="perceptron-9000"),
    "convolving": _replaced(lambda: ConvBertModel(ConvBertConfig(**SMALL))),
    "own-code": _config(auto_map={"AutoModel": "modeling.Mine"}),
    "weighing-head": _replaced(
        lambda: tiny("hubert", head="ForSequenceClassification", use_weighted_layer_sum=True, num_labels=2)
    ),
    "not-a-number": _replaced(lambda: _filled(tiny("bert"), "encoder.layer.1.output.dense.weight", float("nan"))),
    "overflowing": _replaced(lambda: _filled(tiny("bert"), "encoder.layer.1.output.LayerNorm.weight", 3e38)),
    "no-stride": _replaced(lambda: _unmoving(tiny("hubert"))),
}
"""What is done to a good folder."""

MISFIT = r"do not fit config\.json.*of another size encoder\.layer\.0\.intermediate\.dense\.bias, .* and 1 more"
FAILS = (
    Fails(
        "a rank that does not pay",
        "rank_does_not_pay",
        "low_rank",
        r"Rank 1000 does not make .* smaller\. The largest rank that pays in all chosen maps is 15",
        step("low_rank", rank=1000),
    ),
    Fails(
        "a technique that the architecture rules out",
        "not_applicable",
        "distillation",
        "weighs the states of every layer.*Send the base model",
        {**step("distillation", layers_kept=1, steps=0), "profile": {"inputs": [{"kind": "audio", "seconds": 0.1}]}},
        folder="weighing-head",
    ),
    Fails(
        "layers that are not there",
        "not_applicable",
        "distillation",
        r"0 to 1; got \(0, 7\)",
        step("distillation", layers_kept=[0, 7], steps=0),
    ),
    Fails(
        "a technique used twice",
        "not_applicable",
        "low_rank",
        "factorised already.*Start from the dense model",
        {"steps": [{"technique": "low_rank", "rank_ratio": 0.5}] * 2},
    ),
    Fails(
        "nothing to do",
        "nothing_changed",
        "ffn_pruning",
        "left the model as it was",
        step("ffn_pruning", units_kept=64),
    ),
    Fails(
        "a target out of reach",
        "target_unreachable",
        "load",
        r"Expected a target that .* can reach: \d+ params",
        {"target": {"metric": "params", "ratio": 0.01}},
    ),
    Fails(
        "a bucket that does not exist",
        "model_not_found",
        "fetch",
        "no such bucket.*Check the spelling",
        {"model": {"uri": "s3://no-such-bucket-anywhere/bert"}},
    ),
    Fails(
        "a prefix that holds nothing",
        "model_not_found",
        "fetch",
        "is empty or does not exist; name the folder",
        {"model": {"uri": f"s3://{MODELS_BUCKET}/no/such/prefix"}},
    ),
    Fails(
        "the service's own bucket",
        "invalid_uri",
        "fetch",
        "does not read from bucket.*upload the files",
        {"model": {"uri": f"s3://{BUCKET}/tenants"}},
    ),
    Fails(
        "a local file where none may be read",
        "invalid_uri",
        "fetch",
        "reads no local files; use s3://",
        {"model": {"uri": "file://etc/passwd"}},
    ),
    Fails(
        "an upload that does not exist",
        "model_not_found",
        "fetch",
        "no upload upl_.*POST /v1/uploads begins one",
        {"model": {"uri": "upload://upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"}},
    ),
    Fails("no config.json", "model_not_found", "fetch", r"holds no config\.json", folder="no-config"),
    Fails("no weights", "model_not_found", "fetch", "holds no safetensors.*save_pretrained", folder="no-weights"),
    Fails("a pickle", "unsafe_format", "fetch", r"only as pickles \(pytorch_model.bin\).*save_pr", folder="pickled"),
    Fails("a truncated file", "corrupt_checkpoint", "load", "whole safetensors file.*Send", folder="truncated"),
    Fails("weights of another size", "corrupt_checkpoint", "load", MISFIT, folder="misfit"),
    Fails("a weight that is no number", "corrupt_checkpoint", "load", r"\.weight holds NaN", folder="not-a-number"),
    Fails("weights that overflow", "corrupt_checkpoint", "load", "short input holds NaN", folder="overflowing"),
    Fails("a config that cannot compute", "corrupt_checkpoint", "load", "cannot compute.*stride", folder="no-stride"),
    Fails(
        "an input that the model cannot take",
        "invalid_request",
        "load",
        "at most 40 tokens, the model's positions; got 41",
        {"profile": {"inputs": [{"kind": "text", "tokens": 41}]}},
    ),
    Fails("an unknown architecture", "unsupported_model", "load", "got 'perceptron-9000'", folder="invented"),
    Fails(
        "an architecture without a row",
        "unsupported_model",
        "load",
        "among .*bert.*; got 'convbert'",
        folder="convolving",
    ),
    Fails("a model with code of its own", "unsafe_format", "load", "auto_map.*never", folder="own-code"),
    Fails(
        "data that is not there",
        "data_not_found",
        "fetch",
        "no such bucket",
        {"data": {"uri": "s3://no-such-bucket-anywhere/data"}},
    ),
    Fails(
        "data of another kind",
        "data_not_found",
        "fetch",
        r"no file that can be read \(.*\.wav.*\); found",
        {"data": {"uri": f"s3://{MODELS_BUCKET}/broken/pickled/pytorch_model.bin"}},
    ),
)


@pytest.fixture(scope="module")
def _broken(
    models: S3Store,
    model_folders: Mapping[str, Path],
    model_uris: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shelf = tmp_path_factory.mktemp("broken")
    for name, spoil in BROKEN.items():
        folder = shutil.copytree(model_folders["bert"], shelf / name)
        spoil(folder)
        put_folder(models, folder, f"broken/{name}")


@pytest.fixture(scope="module")
def finished(stack: Stack, api: httpx.Client, _broken: None) -> dict[str, Json]:
    """Return every job of `FAILS` after its end, and after them a good one, all done by the one worker in a row."""
    before = stack.processes.record("worker")
    jobs = {case.what: accepted(api, case.request) for case in FAILS} | {"good": accepted(api, GOOD)}
    finished = {what: ended(api, job["id"]) for what, job in jobs.items()}

    assert stack.processes.record("worker") == before
    return finished


@pytest.mark.parametrize("case", FAILS, ids=lambda case: case.what)
def test_what_only_a_worker_can_know_is_said_by_the_job(
    api: httpx.Client, finished: dict[str, Json], case: Fails
) -> None:
    """The job fails at its first attempt, with a code, and a message that says what was expected and what to do."""
    job = finished[case.what]
    error = job["error"]

    assert job["state"] == "failed", job
    assert re.search(case.says, error["message"]), error
    assert {key: error[key] for key in ("code", "stage", "retryable", "attempt")} == {
        "code": case.code,
        "stage": case.stage,
        "retryable": False,
        "attempt": 1,
    }
    last = events(api, job["id"])[-1]
    assert (last["data"]["state"], last["data"]["error"]) == ("failed", error)


@pytest.mark.parametrize("what", ["report", "artifacts", "artifacts/config.json"])
def test_a_failed_job_has_no_result(api: httpx.Client, finished: dict[str, Json], what: str) -> None:
    """Asking a failed job for its result is a conflict that points at its error."""
    job = finished["a pickle"]
    said = problem(api.get(f"/v1/jobs/{job['id']}/{what}"), 409, "no_result")

    assert "its error says why" in said["detail"]


def test_the_worker_lives_on(stack: Stack, finished: dict[str, Json]) -> None:
    """After all those failures the same worker process does a good job."""
    worker = stack.processes.record("worker")

    assert worker is not None
    assert worker.alive
    assert finished["good"]["state"] == "succeeded"


def test_what_the_client_says_of_a_failed_job(press: ModelPress, finished: dict[str, Json]) -> None:
    """The Python client has the same code and message."""
    job = press.job(finished["a pickle"]["id"])

    assert job.error is not None
    assert (job.state, job.error.code) == ("failed", "unsafe_format")
