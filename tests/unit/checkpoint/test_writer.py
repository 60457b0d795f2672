"""The artifact's folder: what is in it, and that it is what was made."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cuts import CUTS, STRUCTURAL
from safetensors.torch import load_file
from tiny import tiny, tiny_batch
from transformers.dynamic_module_utils import get_imports, get_relative_import_files

from jobs.checkpoint import copies, restore
from jobs.checkpoint.plan import Plan
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.verification import check_reload, write_verification
from jobs.checkpoint.writer import weight_bytes, write_artifact, write_card
from jobs.contract.errors import VerificationError

COMPANIONS = {
    "tokenizer.json": "{}",
    "vocab.txt": "a",
    "modules.json": "[]",
    "1_Pooling/config.json": "{}",
}
LEFT = {
    "evil.py": "boom",
    "pytorch_model.bin": "boom",
    "compression.json": '{"old": true}',
    "README.md": "old",
    "manifest.json": "{}",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a source folder with a tiny BERT and the files that hubs keep beside one."""
    tiny("bert").save_pretrained(tmp_path / "source")
    for name, text in {**COMPANIONS, **LEFT}.items():
        (tmp_path / "source" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "source" / name).write_text(text)
    return tmp_path / "source"


def _written(source: Path, out: Path, cut: str) -> Plan:
    model = tiny("bert")
    CUTS[cut](model)
    plan = write_artifact(model, source=source, out=out, details={"revision": "abc"})
    write_verification(model, tiny_batch("bert"), out)
    return plan


def test_the_companions_of_the_source_come_along(source: Path, tmp_path: Path) -> None:
    """Tokenizer and pooling files are copied; code, pickles and old reports are not."""
    _written(source, tmp_path / "out", "combined")

    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    ours = {
        "config.json",
        "model.safetensors",
        "compression.json",
        *restore.code_files(),
        "verification.safetensors",
    }
    assert files == ours | set(COMPANIONS)


def test_a_native_result_has_a_stock_config_and_no_code(source: Path, tmp_path: Path) -> None:
    """What fits the stock config is written as a stock model."""
    plan = _written(source, tmp_path / "out", "even_units")

    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert plan.native
    assert (config["model_type"], config["intermediate_size"], config["architectures"]) == ("bert", 40, ["BertModel"])
    assert not any((tmp_path / "out" / name).exists() for name in restore.code_files())


def test_the_code_beside_the_weights_is_the_one_source(source: Path, tmp_path: Path) -> None:
    """The artifact's files and the client's copies are restore.py and its siblings, byte for byte."""
    _written(source, tmp_path / "out", "factorised")

    for name, code in restore.code_files().items():
        assert (tmp_path / "out" / name).read_bytes() == code.read_bytes()
        assert (copies.CLIENT / name).read_bytes() == code.read_bytes()
    assert copies.main(["--check"]) == 0


def test_the_reload_code_is_all_that_it_imports(source: Path, tmp_path: Path) -> None:
    """The declared files are those that transformers fetches for the code, each in need of torch and itself alone.

    Transformers brings safetensors along.
    """
    _written(source, tmp_path / "out", "factorised")
    code = tmp_path / "out" / restore.CODE_FILE

    fetched = {code.name} | {Path(file).name for file in get_relative_import_files(code)}
    needed = {name for file in fetched for name in get_imports(tmp_path / "out" / file)}
    assert fetched == set(restore.code_files())
    assert needed - set(sys.stdlib_module_names) == {"safetensors", "torch", "transformers"}


def test_a_stale_copy_is_noticed_and_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check fails where a copy in the client differs or is missing, and copying mends it."""
    monkeypatch.setattr(copies, "CLIENT", tmp_path)

    assert copies.main(["--check"]) == 1
    assert copies.main([]) == 0
    assert copies.main(["--check"]) == 0
    (tmp_path / restore.SIBLINGS[0]).write_text("")
    assert copies.main(["--check"]) == 1


def test_the_summary_says_what_was_changed(source: Path, tmp_path: Path) -> None:
    """compression.json lists the changed layers beside their stock sizes, the zeros and the source's hashes."""
    _written(source, tmp_path / "out", "combined")

    summary = json.loads((tmp_path / "out" / "compression.json").read_text())
    query = next(each for each in summary["modules"] if each["path"] == "encoder.layer.1.attention.self.query")
    hashes = {each["path"]: each["sha256"] for each in summary["source"]["files"]}
    assert (summary["door"], summary["revision"], summary["layers"]) == ("modelpress", "abc", 2)
    assert (query["out_features"], query["stock_out"]) == (16, 32)
    assert 0.4 < summary["zeros"]["encoder.layer.0.output.dense.weight"] < 0.6
    assert hashes["config.json"] == hashlib.sha256((source / "config.json").read_bytes()).hexdigest()


def test_the_same_model_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    """Writing twice gives equal files."""
    _written(source, tmp_path / "one", "combined")
    _written(source, tmp_path / "two", "combined")

    for path in (tmp_path / "one").iterdir():
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_writing_leaves_the_model_as_it_was(source: Path, tmp_path: Path) -> None:
    """The model keeps its config, which is the stock one."""
    model = tiny("bert")
    STRUCTURAL["combined"](model)
    config = model.config

    write_artifact(model, source=source, out=tmp_path / "out")

    assert model.config is config
    assert type(model.config).__name__ == "BertConfig"


def test_an_artifact_can_be_compressed_again(source: Path, tmp_path: Path) -> None:
    """An artifact is read like any model, cut further and written again with the plan of both."""
    _written(source, tmp_path / "once", "uneven_units")
    model = load_model(tmp_path / "once")

    STRUCTURAL["uneven_heads"](model)
    plan = write_artifact(model, source=tmp_path / "once", out=tmp_path / "twice")
    write_verification(model, tiny_batch("bert"), tmp_path / "twice")

    check_reload(tmp_path / "twice")
    assert {change.path.split(".")[3] for change in plan.modules} == {"attention", "intermediate", "output"}


def test_the_weights_on_disk_are_counted(source: Path, tmp_path: Path) -> None:
    """The size is that of the safetensors files, shards together, and nothing else."""
    tiny("bert").save_pretrained(tmp_path / "shards", max_shard_size="20KB")

    assert weight_bytes(source) == (source / "model.safetensors").stat().st_size
    assert weight_bytes(tmp_path / "shards") == sum(
        f.stat().st_size for f in (tmp_path / "shards").glob("*.safetensors")
    )


@pytest.mark.parametrize("cut", CUTS)
def test_what_was_written_is_read_back_bit_for_bit(source: Path, tmp_path: Path, cut: str) -> None:
    """The worker's own check passes on every kind of result."""
    _written(source, tmp_path / "out", cut)

    check_reload(tmp_path / "out")


def _change_a_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def _lose_the_plan(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"plan": {"modules": []}}))


def _lose_an_output(folder: Path) -> None:
    model = tiny("bert", head="ForSequenceClassification")
    write_verification(model, tiny_batch("bert"), folder)


@pytest.mark.parametrize("spoil", [_change_a_weight, _lose_the_plan, _lose_an_output])
def test_a_spoilt_artifact_is_not_published(source: Path, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A changed weight, plan or output fails the check."""
    _written(source, tmp_path / "out", "combined")
    spoil(tmp_path / "out")

    with pytest.raises(VerificationError):
        check_reload(tmp_path / "out")


def test_the_proof_holds_inputs_and_outputs(tmp_path: Path) -> None:
    """The verification file has the inputs as given and the last hidden state, and with a head the logits."""
    model, batch = tiny("bert", head="ForSequenceClassification"), tiny_batch("bert", padded=True)
    model.train()

    write_verification(model, batch, tmp_path)

    stored = load_file(tmp_path / "verification.safetensors")
    assert set(stored) == {"input.input_ids", "input.attention_mask", "output.last_hidden_state", "output.logits"}
    assert torch.equal(stored["output.logits"], model.eval()(**batch).logits)


REPORT = {
    "model": {"uri": "s3://models/bert/", "architecture": "BertModel"},
    "steps": [
        {"technique": "low_rank", "requested": {"rank_ratio": 0.5}, "achieved": {"rank_ratio": 0.49, "ranks": [4]}}
    ],
    "dense": {
        "params_total": 109_482_240,
        "params_nonzero": 109_482_240,
        "params_encoder": 85_054_464,
        "bytes_stored": 437_935_000,
        "inputs": [
            {
                "input": {"kind": "audio", "batch_size": 1, "seconds": 10.0, "tokens": None, "pixels": None},
                "macs_executed": 74_066_500_000,
                "macs_theoretical": 74_066_500_000,
                "latency_ms": {"p50": 1974.0, "iqr": 20.0, "threads": 1, "device": "cpu", "dtype": "float32"},
                "real_time_factor": 0.1974,
            }
        ],
    },
    "speedup": [
        {
            "input": {"kind": "audio", "batch_size": 1, "seconds": 10.0},
            "ratio": 1.5,
            "low": 1.4,
            "high": 1.6,
            "conclusive": True,
        }
    ],
    "fidelity": {
        "cosine": 0.99,
        "relative_error": 0.1,
        "samples": 8,
        "source": "data",
        "layers": [{"layer": 0, "of": 2, "cosine": 0.97, "cka": 0.98, "relative_error": 0.2}],
    },
    "quality": [
        {
            "probe": "classification",
            "label": "speaker",
            "metric": "accuracy",
            "dense": {"value": 0.93, "low": 0.88, "high": 0.96, "samples": 150},
            "compressed": {"value": 0.81, "low": 0.74, "high": 0.87, "samples": 150},
            "protocol": "A quarter of each class judges.",
        }
    ],
}
REPORT["compressed"] = REPORT["dense"]


@pytest.mark.parametrize(
    ("cut", "line"),
    [
        ("even_units", "model = AutoModel.from_pretrained(folder)\n"),
        ("combined", "model = AutoModel.from_pretrained(folder, trust_remote_code=True)\n"),
        ("combined", "import modelpress.transformers\n"),
    ],
)
def test_the_card_says_how_to_load_the_model(source: Path, tmp_path: Path, cut: str, line: str) -> None:
    """The card has the figures with their units and the lines of the doors that are open."""
    plan = _written(source, tmp_path / "out", cut)

    write_card(tmp_path / "out", REPORT, plan)

    card = (tmp_path / "out" / "README.md").read_text()
    assert line in card
    assert "109 482 240" in card
    assert "real-time factor, batch 1, 10 s of audio" in card
    assert ("trust_remote_code" in card) is not plan.native


def test_the_card_calls_no_speed_up_what_is_none(source: Path, tmp_path: Path) -> None:
    """An interval that holds 1 is told as it is, for plain PyTorch and for further runtimes."""
    plan = _written(source, tmp_path / "out", "even_units")
    (found,) = REPORT["speedup"]
    undecided = found | {"ratio": 1.01, "low": 0.98, "high": 1.04, "conclusive": False}
    slower = found | {"ratio": 0.5, "low": 0.4, "high": 0.6}
    latency = REPORT["dense"]["inputs"][0]["latency_ms"]
    under = {"runtime": "onnxruntime", "input": found["input"], "dense": latency, "compressed": latency}

    write_card(tmp_path / "out", REPORT | {"speedup": [undecided], "runtimes": [under | {"speedup": slower}]}, plan)

    card = (tmp_path / "out" / "README.md").read_text()
    assert "No speed-up is shown on batch 1, 10 s of audio: 1.01, 95 % interval 0.98 to 1.04." in card
    assert "Slower on batch 1, 10 s of audio, under `onnxruntime`: 0.50" in card
    assert "milliseconds under `onnxruntime` (median ± half the IQR), batch 1, 10 s of audio | 1974.0 ± 10.0" in card
    assert "Speed-up" not in card


def test_the_card_says_what_the_result_is_worth(source: Path, tmp_path: Path) -> None:
    """Each probe has a row with its intervals and says how it was measured, and each layer a row with what it was."""
    plan = _written(source, tmp_path / "out", "even_units")

    write_card(tmp_path / "out", REPORT, plan)

    card = (tmp_path / "out" / "README.md").read_text()
    row = "| classification of `speaker`, accuracy | 0.930 (0.880 to 0.960) | 0.810 (0.740 to 0.870) |"
    assert row in card
    assert "Classification: A quarter of each class judges." in card
    assert "| 0 | 2 | 0.9700 | 0.9800 | 0.2000 |" in card


def test_a_card_without_probes_has_no_table_of_them(source: Path, tmp_path: Path) -> None:
    """What was not measured has no heading either."""
    plan = _written(source, tmp_path / "out", "even_units")

    write_card(tmp_path / "out", REPORT | {"quality": [], "fidelity": REPORT["fidelity"] | {"layers": []}}, plan)

    card = (tmp_path / "out" / "README.md").read_text()
    assert "## Quality" not in card
    assert "## Closeness" not in card


def test_the_card_names_the_auto_class_of_the_head(tmp_path: Path) -> None:
    """A model with a task head is loaded with the Auto class that knows it."""
    model = tiny("hubert", head="ForCTC")
    model.save_pretrained(tmp_path / "source")
    plan = write_artifact(model, source=tmp_path / "source", out=tmp_path / "out")

    write_card(tmp_path / "out", REPORT, plan)

    assert "AutoModelForCTC.from_pretrained(folder)" in (tmp_path / "out" / "README.md").read_text()
