"""Every wrong way to open a structural result fails loudly; none of them gives a model with random layers."""

import json
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cuts import PACKED, STRUCTURAL
from fresh import answer_of
from safetensors.torch import load_file, save_file

WAYS = {
    "AutoConfig, bare": "transformers.AutoConfig.from_pretrained(whole)",
    "stock model": "transformers.BertModel.from_pretrained(whole)",
    "stock model, with a dtype": "transformers.BertModel.from_pretrained(whole, dtype=torch.float32)",
    "stock head": "transformers.BertForSequenceClassification.from_pretrained(whole)",
    "another family": "transformers.GPT2Model.from_pretrained(whole)",
    "a sister family": "transformers.RobertaModel.from_pretrained(whole)",
    "AutoModel, bare": "transformers.AutoModel.from_pretrained(whole)",
    "AutoModel, trust refused": "transformers.AutoModel.from_pretrained(whole, trust_remote_code=False)",
    "AutoModelFor, bare": "transformers.AutoModelForMaskedLM.from_pretrained(whole)",
    "a head the family lacks": "transformers.AutoModelForCTC.from_pretrained(whole, trust_remote_code=True)",
    "pipeline, bare": "transformers.pipeline('feature-extraction', model=whole)",
    "a config of one's own": "transformers.BertModel.from_pretrained(whole, config=config)",
    "its config as a stock one": "transformers.BertModel.from_pretrained(whole, config="
    "transformers.BertConfig.from_pretrained(whole))",
    "weights by hand": "transformers.BertModel(config).load_state_dict(weights, strict=False)",
    "weights by hand, into a head": "transformers.BertForMaskedLM(config).bert.load_state_dict(weights, strict=False)",
    "model_type edited, AutoModel": "transformers.AutoModel.from_pretrained(edited)",
    "model_type edited, stock model": "transformers.BertModel.from_pretrained(edited)",
    "model_type and lock edited, AutoModel": "transformers.AutoModel.from_pretrained(unlocked)",
    "model_type and lock edited, stock model": "transformers.BertModel.from_pretrained(unlocked)",
    "model_type and lock edited, stock head": "transformers.BertForMaskedLM.from_pretrained(unlocked)",
    "model_type and lock edited, pipeline": "transformers.pipeline('feature-extraction', model=unlocked)",
    "no code beside the weights": "transformers.AutoModel.from_pretrained(codeless, trust_remote_code=True)",
}
PLANNED = ("regrown", "unplanned", "misplaced")
"""Damages to what a plan says of layers."""
DAMAGED = ("missing", "renamed", "extra", "truncated", *PLANNED, "overreaching")
for _damage in DAMAGED:
    for _auto in ("AutoModel", "AutoModelForSequenceClassification"):
        WAYS[f"{_damage}, {_auto}"] = f"transformers.{_auto}.from_pretrained({_damage}, trust_remote_code=True)"

LOCKED = [
    (cut, way)
    for cut in (*STRUCTURAL, *PACKED)
    for way in WAYS
    if cut != "packed" or way.partition(",")[0] not in PLANNED  # its plan has no layers
]

TRY = """
from safetensors.torch import load_file
shelves, ways = (json.loads(each) for each in sys.argv[2:])
sizes = ("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers", "vocab_size")
sizes += ("max_position_embeddings",)
for cut, folders, locked in shelves:
    fields = json.load(open(folders["whole"] + "/config.json"))
    config = transformers.BertConfig(**{name: fields[name] for name in sizes})
    weights = load_file(folders["whole"] + "/model.safetensors")
    scope = {"transformers": transformers, "torch": torch, "config": config, "weights": weights, **folders}
    for name in locked:
        try:
            answer[f"{cut}: {name}"] = f"opened: {type(eval(ways[name], scope)).__name__}"
        except Exception as error:
            answer[f"{cut}: {name}"] = f"stopped: {type(error).__name__}: {error}"
"""


def _edit_config(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def _edit_plan(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        plan = json.loads((folder / "config.json").read_text())["plan"]
        change(plan)
        _edit_config(plan=plan)(folder)

    return edit


def _edit_weights(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        weights = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def _truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


TENSOR = "encoder.layer.1.intermediate.dense.weight"
EDITS: dict[str, Callable[[Path], object]] = {
    "whole": lambda _: None,
    "edited": _edit_config(model_type="bert"),
    "unlocked": _edit_config(model_type="bert", transformers_weights=None, auto_map={}),
    "codeless": lambda folder: (folder / "modeling_modelpress.py").unlink(),
    "missing": _edit_weights(lambda weights: weights.pop(TENSOR)),
    "renamed": _edit_weights(lambda weights: weights.update({f"{TENSOR}_": weights.pop(TENSOR)})),
    "extra": _edit_weights(lambda weights: weights.update({"encoder.layer.9.weight": weights[TENSOR].clone()})),
    "truncated": _truncate,
    "regrown": _edit_plan(lambda plan: plan["modules"][-1].update({"in": 31})),
    "unplanned": _edit_plan(lambda plan: plan["modules"].pop()),
    "misplaced": _edit_plan(lambda plan: plan["modules"][0].update(path="embeddings.LayerNorm")),
    "overreaching": _edit_plan(lambda plan: plan["attributes"].update({"encoder": {"forward": 1}})),
}


@pytest.fixture(scope="module")
def answers(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what each wrong way comes to, tried in a fresh process without a terminal."""
    spoilt = tmp_path_factory.mktemp("spoilt")
    shelves: dict[str, dict[str, str]] = {cut: {} for cut, _ in LOCKED}
    for cut, name in product(shelves, EDITS):
        if cut != "packed" or name not in PLANNED:
            folder = shutil.copytree(shelf / f"bert-Model-{cut}", spoilt / cut / name)
            EDITS[name](folder)
            shelves[cut][name] = str(folder)
    tries = [[cut, folders, [way for each, way in LOCKED if each == cut]] for cut, folders in shelves.items()]
    answers: dict[str, str] = answer_of(TRY, tries, WAYS, home=tmp_path_factory.mktemp("wrong"))
    return answers


@pytest.mark.parametrize(("cut", "way"), LOCKED)
def test_a_wrong_way_fails_loudly(answers: dict[str, str], cut: str, way: str) -> None:
    """A structural or packed result opened by anything but its doors raises."""
    assert answers[f"{cut}: {way}"].startswith("stopped: ")


@pytest.mark.parametrize(
    "way", ["stock model", "stock head", "another family", "a sister family", "model_type edited, AutoModel"]
)
def test_a_stock_class_says_how_to_open_it(answers: dict[str, str], way: str) -> None:
    """The error of a stock class carries the sentence that names the right doors."""
    assert "trust_remote_code=True" in answers[f"combined: {way}"]
    assert "import modelpress.transformers" in answers[f"combined: {way}"]
