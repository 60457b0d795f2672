"""The doors of results whose heads have more to them than projections: tables of biases, gates, counts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from fresh import CLIENT, answer_of
from test_doors import OPEN
from tiny import tiny, tiny_batch

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomy import anatomy_of
from jobs.compression.factoring import factors, spectrum
from jobs.compression.surgery import drop_heads, drop_units, factorise

HEADS: Mapping[str, Mapping[str, str]] = {
    "mpnet": {"Model": "AutoModel", "ForMaskedLM": "AutoModelForMaskedLM"},
    "deberta-v2": {"Model": "AutoModel", "ForSequenceClassification": "AutoModelForSequenceClassification"},
    "wavlm": {"Model": "AutoModel", "ForCTC": "AutoModelForCTC"},
    "t5": {"Model": "AutoModel", "ForTokenClassification": "AutoModelForTokenClassification"},
    "beit": {"Model": "AutoModel", "ForImageClassification": "AutoModelForImageClassification"},
    "data2vec-vision": {"Model": "AutoModel", "ForImageClassification": "AutoModelForImageClassification"},
}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "deberta-v2": {"share_att_key": False},
    "t5": {"feed_forward_proj": "gated-gelu"},
    "beit": {"use_shared_relative_position_bias": True},
    "data2vec-vision": {"use_shared_relative_position_bias": True},
}
ALL = [(family, head) for family, heads in HEADS.items() for head in heads]
DOORS: Mapping[str, tuple[str, tuple[Path, ...], dict[str, Any]]] = {
    "client": ("import modelpress.transformers\n", (CLIENT,), {}),
    "trust": ("", (), {"trust_remote_code": True}),
}
STOCK = {
    "mpnet": "MPNetModel",
    "deberta-v2": "DebertaV2Model",
    "wavlm": "WavLMModel",
    "t5": "T5EncoderModel",
    "beit": "BeitModel",
    "data2vec-vision": "Data2VecVisionModel",
}
WAYS = {
    "stock class": "getattr(transformers, stock).from_pretrained(folder)",
    "AutoModel, bare": "transformers.AutoModel.from_pretrained(folder)",
    "edited": "getattr(transformers, stock).from_pretrained(edited)",
    "edited, AutoModel": "transformers.AutoModel.from_pretrained(edited)",
    "a decoder of chance": "transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, trust_remote_code=True)",
}
TRY = """
import shutil
for family, stock, folder in json.loads(sys.argv[2]):
    edited = f"edited-{family}"
    shutil.copytree(folder, edited)
    fields = json.load(open(f"{edited}/config.json"))
    fields.update(model_type=family, transformers_weights=None, auto_map={})
    json.dump(fields, open(f"{edited}/config.json", "w"))
    for name, way in json.loads(sys.argv[3]).items():
        try:
            answer[f"{family}: {name}"] = f"opened: {type(eval(way)).__name__}"
        except Exception as error:
            answer[f"{family}: {name}"] = f"stopped: {type(error).__name__}: {error}"
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one artifact for each family and class: uneven heads and units, two maps as factors."""
    torch.set_num_threads(1)
    shelf = tmp_path_factory.mktemp("heads")
    for family, head in ALL:
        model = tiny(family, head=head, **CONFIGS.get(family, {}))
        model.save_pretrained(shelf / "source")
        _combine(model)
        out = shelf / f"{family}-{head}"
        write_artifact(model, source=shelf / "source", out=out)
        write_verification(model, tiny_batch(family), out)
    return shelf


def _combine(model: Any) -> None:
    anatomy = anatomy_of(model)
    with anatomy.opened(model):
        low, high = anatomy.layers(model)
        for layer, heads, units in ((low, [0, 2, 3], 44), (high, [1, 3], 22)):
            drop_heads(layer.attention, torch.tensor(heads))
            drop_units(layer.feed_forward, torch.arange(units))
        for slot, rank in ((low.attention.query, 5), (high.attention.output, 4), (high.feed_forward.up, 9)):
            factorise(slot, *factors(spectrum(slot.weight().detach()), rank))


def _open(shelf: Path, door: str, home: Path, wanted: list[tuple[str, str]]) -> dict[str, Any]:
    before, path, options = DOORS[door]
    listed = [[f"{family}-{head}", HEADS[family][head]] for family, head in wanted]
    found: dict[str, Any] = answer_of(before + OPEN, str(shelf), listed, options, home=home, path=path)
    return found


@pytest.mark.parametrize("door", ["trust", pytest.param("client", marks=pytest.mark.slow)])
def test_heads_that_share_open_through_the_doors(shelf: Path, door: str, tmp_path: Path) -> None:
    """Every family and class opens in a fresh process, in its own class, and gives the same output to the bit."""
    opened = _open(shelf, door, tmp_path, ALL)

    assert set(opened) == {f"{family}-{head}" for family, head in ALL}
    for name, found in opened.items():
        assert found["equal"], name
        assert found["stock"], name


@pytest.mark.slow
def test_a_wrong_way_fails_loudly(shelf: Path, tmp_path: Path) -> None:
    """No stock class opens such a folder, edited or not, and none fills what the encoder lacks with chance."""
    folders = [[family, STOCK[family], str(shelf / f"{family}-Model")] for family in HEADS]

    answers = answer_of(TRY, folders, WAYS, home=tmp_path)

    assert len(answers) == len(WAYS) * len(HEADS)
    assert {name: found for name, found in answers.items() if not found.startswith("stopped: ")} == {}
