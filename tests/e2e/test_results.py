"""What comes back: verified, tamper-evident, fetched without showing the store the key, and a model like any other."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import modelpress
import pytest
from fresh_process import differences
from http_calls import HEADS, QUICK, events, problem
from modelpress import IntegrityError, Job, ModelPress
from recording_proxy import recording_proxy

from deploy.embedded.stack import Stack

UNITS = {"technique": "ffn_pruning", "units_removed": 0.5}
FACTORS = {"technique": "low_rank", "rank_ratio": 0.5}
TARGET_RATIO = 0.6


@dataclass(frozen=True, slots=True)
class Result:
    """A job that succeeded, and its files."""

    job: Job
    folder: Path


@pytest.fixture(scope="module")
def results(
    press: ModelPress,
    model_uris: Mapping[str, str],
    data_uris: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Result]:
    """Return a native and a structural result, one with recovery, and one for a target."""
    model, shelf = model_uris["bert"], tmp_path_factory.mktemp("results")
    data = {"uri": data_uris["bert"], "samples": 40}
    jobs = {
        "native": press.compress(model=model, steps=[UNITS], profile=QUICK),
        "structural": press.compress(model=model, steps=[HEADS, UNITS], profile=QUICK),
        "recovered": press.compress(
            model=model,
            steps=[HEADS, UNITS, FACTORS],
            data=data,
            recovery={"steps": 20, "learning_rate": 1e-3},
            profile=QUICK,
        ),
        "target": press.compress(model=model, target={"metric": "params", "ratio": TARGET_RATIO}, profile=QUICK),
    }
    return {name: Result(job, job.wait(timeout=200).download(shelf / name)) for name, job in jobs.items()}


@pytest.mark.parametrize("name", ["native", "structural", "recovered", "target"])
def test_verify_passes(results: dict[str, Result], name: str) -> None:
    """A download as it came has the promised hashes, opens, and gives the recorded output bit for bit."""
    found = modelpress.verify(results[name].folder)

    assert (found.exact, found.max_abs_diff) == (True, 0.0)
    assert found.files == len(results[name].job.artifacts().files) >= 6


def _flip_a_sign(folder: Path) -> None:
    """Change one byte of the weights: the one with the sign of a number that every output depends on."""
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    header_bytes = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + header_bytes])
    begin, _ = header["encoder.layer.1.output.LayerNorm.weight"]["data_offsets"]
    content[8 + header_bytes + begin + 3] ^= 0x80
    path.write_bytes(content)


def _loosen_the_norms(folder: Path) -> None:
    """Change one byte of the config: an exponent."""
    path = folder / "config.json"
    before = path.read_text()
    path.write_text(before.replace('"layer_norm_eps": 1e-12', '"layer_norm_eps": 1e-02'))
    assert path.read_text() != before


@pytest.mark.parametrize("name", ["native", "structural"])
@pytest.mark.parametrize("change", [_flip_a_sign, _loosen_the_norms], ids=["weights", "config"])
def test_one_changed_byte_is_found(
    results: dict[str, Result], tmp_path: Path, name: str, change: type[_flip_a_sign]
) -> None:
    """A changed byte fails by its hash, and by the output where the manifest is not there to tell."""
    folder = shutil.copytree(results[name].folder, tmp_path / name)
    change(folder)

    with pytest.raises(IntegrityError, match="not the file that the manifest describes"):
        modelpress.verify(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="output differs from the stored one"):
        modelpress.verify(folder)


def test_a_damaged_download_is_mended(results: dict[str, Result], tmp_path: Path) -> None:
    """Downloading again replaces what was changed, and nothing else."""
    folder = shutil.copytree(results["native"].folder, tmp_path / "damaged")
    _flip_a_sign(folder)
    before = (folder / "config.json").stat().st_mtime_ns
    results["native"].job.download(folder)

    assert modelpress.verify(folder).exact
    assert (folder / "config.json").stat().st_mtime_ns == before


def test_recovery_is_reported(api: httpx.Client, results: dict[str, Result]) -> None:
    """After recovery the report has the fidelity of before as well, on data that no step has seen."""
    report = results["recovered"].job.report()
    before, after = report.fidelity_before_recovery, report.fidelity

    assert (before.source, after.source) == ("held_out", "held_out")
    assert before.samples == after.samples
    assert after.relative_error < before.relative_error
    assert [step.technique for step in report.steps] == ["head_pruning", "ffn_pruning", "low_rank"]
    assert "recover" in {event["stage"] for event in events(api, results["recovered"].job.id)}
    assert results["native"].job.report().fidelity_before_recovery is None


def test_a_target_is_reached(results: dict[str, Result]) -> None:
    """The service chooses the steps, says which, and the result is as large as allowed and not larger."""
    report = results["target"].job.report()
    kept = report.compressed.params_total / report.dense.params_total

    assert TARGET_RATIO - 0.02 < kept <= TARGET_RATIO
    assert [step.technique for step in report.steps] == ["head_pruning", "ffn_pruning"]


def test_a_result_can_be_compressed_again(press: ModelPress, results: dict[str, Result], tmp_path: Path) -> None:
    """A structural artifact is a model like any other: uploaded, cut further, and opened by a stranger."""
    first = results["structural"]
    job = press.compress(model=first.folder, steps=[FACTORS], profile=QUICK)
    folder = job.wait(timeout=200).download(tmp_path / "twice")
    before, after = first.job.report().compressed, job.report()
    (tmp_path / "home").mkdir()

    assert after.dense.params_total == before.params_total
    assert after.dense.inputs[0].macs_executed == before.inputs[0].macs_executed
    assert after.compressed.params_total < before.params_total
    assert modelpress.verify(folder).exact
    assert differences({folder: True}, tmp_path / "home") == {folder: 0.0}


def test_the_report_is_served_as_it_was_written(api: httpx.Client, results: dict[str, Result]) -> None:
    """HTTP gives the same document as the client, under its schema's name."""
    job = results["native"].job
    answer = api.get(f"/v1/jobs/{job.id}/report")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == job.report().to_json()
    assert answer.json()["schema"] == "modelpress/report/v1"


def test_artifacts_are_presigned(api: httpx.Client, results: dict[str, Result]) -> None:
    """Each file of the manifest is a 307 to a URL that needs no key, serves the very bytes, and can not be altered."""
    job = results["structural"].job
    for file in api.get(f"/v1/jobs/{job.id}/artifacts").json()["files"]:
        answer = api.get(f"/v1/jobs/{job.id}/artifacts/{file['path']}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "no-store")
        url = answer.headers["Location"]
        fetched = httpx.get(url)
        assert (fetched.status_code, len(fetched.content)) == (200, file["bytes"])
        assert hashlib.sha256(fetched.content).hexdigest() == file["sha256"]

    assert httpx.get(url.partition("?")[0]).is_client_error
    assert httpx.get(url.replace(file["path"], "config.json")).status_code == 403
    assert httpx.put(url, content=b"mine").status_code == 403


@pytest.mark.parametrize("path", ["no-such-file", "..%2Freport.json", "%2E%2E/report.json", "files/config.json"])
def test_only_files_of_the_manifest_are_artifacts(api: httpx.Client, results: dict[str, Result], path: str) -> None:
    """Whatever the manifest does not name is not there."""
    answer = api.get(f"/v1/jobs/{results['native'].job.id}/artifacts/{path}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_the_store_never_sees_the_key(
    stack: Stack, results: dict[str, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sends its key to the service alone, never along a redirect."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with recording_proxy() as (address, seen):
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        with ModelPress(stack.url, stack.api_key) as press:
            folder = press.job(results["native"].job.id).download(tmp_path / "proxied")
    to_service = [each for each in seen if each.origin == stack.url]
    to_store = [each for each in seen if each.origin == stack.settings["MODELPRESS_S3_PUBLIC_ENDPOINT"]]

    assert len(to_service) + len(to_store) == len(seen)
    assert all(each.headers["authorization"] == f"Bearer {stack.api_key}" for each in to_service)
    assert len(to_store) == len(results["native"].job.artifacts().files)
    assert not any(stack.api_key in f"{each.url} {each.headers}" for each in to_store)
    assert modelpress.verify(folder).exact


def test_a_folder_is_uploaded_by_hand(api: httpx.Client, data_folders: Mapping[str, Path]) -> None:
    """Announce files, PUT parts to their URLs without the key, complete with their ETags; twice is once."""
    file = data_folders["bert"] / "sentences.txt"
    begun = api.post(
        "/v1/uploads",
        json={"files": [{"path": "sub/a.txt", "bytes": file.stat().st_size}, {"path": "empty.txt", "bytes": 0}]},
    )
    upload = begun.json()
    parts = {each["path"]: each["parts"] for each in upload["files"]}
    (part,) = parts["sub/a.txt"]
    etag = httpx.put(part["url"], content=file.read_bytes()).headers["ETag"]
    sent = {
        "files": [{"path": "sub/a.txt", "parts": [{"number": 1, "etag": etag}]}, {"path": "empty.txt", "parts": []}]
    }
    complete = [api.post(f"/v1/uploads/{upload['id']}/complete", json=sent) for _ in range(2)]

    assert (begun.status_code, upload["state"], parts["empty.txt"]) == (201, "open", [])
    assert begun.headers["Location"] == f"/v1/uploads/{upload['id']}"
    assert [answer.status_code for answer in complete] == [200, 200]
    assert complete[0].json() == complete[1].json() == api.get(f"/v1/uploads/{upload['id']}").json()
    assert (complete[0].json()["state"], complete[0].json()["uri"]) == ("complete", f"upload://{upload['id']}")


def test_an_upload_that_lacks_a_part_is_not_completed(api: httpx.Client) -> None:
    """Completing before everything was sent is refused, and the upload stays open."""
    upload = api.post("/v1/uploads", json={"files": [{"path": "a.txt", "bytes": 5}]}).json()
    wrong = {"files": [{"path": "a.txt", "parts": [{"number": 1, "etag": '"0123"'}]}]}
    said = problem(api.post(f"/v1/uploads/{upload['id']}/complete", json=wrong), 409, "upload_conflict")

    assert "send it again" in said["detail"]
    assert api.get(f"/v1/uploads/{upload['id']}").json()["state"] == "open"
