"""The reload code: factorised layers, plans replayed into the stock classes, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from cuts import NAMES, STRUCTURAL
from tiny import tiny, tiny_batch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
)
from transformers.pytorch_utils import Conv1D

from jobs.checkpoint.modelpress_layers import FactorisedLinear
from jobs.checkpoint.plan import plan_of
from jobs.checkpoint.restore import code_files, planned_config, register, replay, stock_config
from jobs.checkpoint.writer import write_artifact


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an artifact of a tiny BERT with every structural change, transformers being told how to open it."""
    register()
    folder = tmp_path_factory.mktemp("restore")
    model = tiny("bert")
    model.save_pretrained(folder / "source")
    STRUCTURAL["combined"](model)
    write_artifact(model, source=folder / "source", out=folder / "artifact")
    return folder / "artifact"


def test_a_factorised_layer_is_the_product_of_its_factors() -> None:
    """The layer computes (x @ down.T) @ up.T + bias."""
    down, up, bias, x = torch.randn(3, 8), torch.randn(5, 3), torch.randn(5), torch.randn(2, 4, 8)

    layer = FactorisedLinear.from_factors(down, up, bias)

    torch.testing.assert_close(layer(x), x @ (up @ down).T + bias)
    assert (layer.in_features, layer.out_features, layer.rank) == (8, 5, 3)
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {
        "weight": (3, 8),
        "up": (5, 3),
        "bias": (5,),
    }


def test_a_factorised_layer_keeps_its_own_values() -> None:
    """Changing the tensors it was made from does not change the layer."""
    down, up = torch.randn(3, 8), torch.randn(5, 3)
    layer = FactorisedLinear.from_factors(down, up, None)
    before = layer(torch.ones(8)).detach().clone()

    down.zero_()

    assert layer.bias is None
    assert torch.equal(layer(torch.ones(8)), before)


def test_a_fresh_factorised_layer_has_the_scale_of_a_linear_one() -> None:
    """Outputs of a fresh layer spread as those of nn.Linear do, so that it can be trained."""
    torch.manual_seed(0)
    x = torch.randn(4000, 64)

    spread = FactorisedLinear(64, 64, 16, bias=False)(x).std() / nn.Linear(64, 64, bias=False)(x).std()

    assert 0.7 < spread < 1.4


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("cut", STRUCTURAL)
def test_a_stock_class_with_the_right_config_stops_at_the_sizes(family: str, cut: str, tmp_path: Path) -> None:
    """Even the stock config, written beside the weights, gives an error and not a model with random layers."""
    model = tiny(family)
    stock = type(model)
    STRUCTURAL[cut](model)
    write_artifact(model, source=_source(model, tmp_path), out=tmp_path / "out")
    stock_config(model.config).save_pretrained(tmp_path / "out")

    with pytest.raises(RuntimeError, match="ize"):
        stock.from_pretrained(tmp_path / "out")


def test_a_stock_class_of_default_width_stops_at_the_sizes(tmp_path: Path) -> None:
    """A model whose sizes are the config's defaults fits no better than a tiny one."""
    model = BertModel(BertConfig(num_hidden_layers=1, vocab_size=30))
    model.encoder.layer[0].output.dense = FactorisedLinear(3072, 768, 4)
    write_artifact(model, source=_source(model, tmp_path), out=tmp_path / "out")
    config = BertConfig(num_hidden_layers=1, vocab_size=30)

    with pytest.raises(RuntimeError, match="ize"):
        BertModel.from_pretrained(tmp_path / "out", config=config)


def test_the_model_is_an_instance_of_the_stock_class(artifact: Path) -> None:
    """Code that asks for a BertModel gets one, with its config class and its name."""
    model = AutoModel.from_pretrained(artifact)

    assert isinstance(model, BertModel)
    assert isinstance(model.config, BertConfig)
    assert type(model).__name__ == "BertModel"
    assert model.config.model_type == "bert"
    assert not plan_of(model).native


def test_a_head_starts_afresh_on_a_compressed_body(artifact: Path) -> None:
    """A base artifact opens with a task head, to fine-tune, and says which tensors are new."""
    model, info = AutoModelForSequenceClassification.from_pretrained(artifact, num_labels=5, output_loading_info=True)

    assert isinstance(model, BertForSequenceClassification)
    assert set(info["missing_keys"]) == {"classifier.weight", "classifier.bias"}
    assert model.classifier.out_features == 5


def test_a_fine_tuned_model_is_saved_as_an_artifact_again(artifact: Path, tmp_path: Path) -> None:
    """save_pretrained writes config, plan, code and weights that open again, with head and as base model."""
    model = AutoModelForSequenceClassification.from_pretrained(artifact, num_labels=5).eval()

    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    base = AutoModel.from_pretrained(tmp_path)

    batch = tiny_batch("bert")
    assert torch.equal(again(**batch).logits, model(**batch).logits)
    assert torch.equal(base(**batch)[0], model.base_model(**batch)[0])
    for name in code_files():
        assert (tmp_path / name).read_bytes() == (artifact / name).read_bytes()
    with pytest.raises(ValueError, match="trust_remote_code"):
        BertModel.from_pretrained(tmp_path)


def test_a_config_saved_alone_is_no_stock_config(artifact: Path, tmp_path: Path) -> None:
    """The config of a loaded model is written with its plan and its locks."""
    AutoConfig.from_pretrained(artifact).save_pretrained(tmp_path)

    assert AutoConfig.from_pretrained(tmp_path).plan == AutoConfig.from_pretrained(artifact).plan
    with pytest.raises(ValueError, match="trust_remote_code"):
        BertModel.from_pretrained(tmp_path)


def test_the_model_loads_in_another_precision(artifact: Path) -> None:
    """A dtype asked for reaches the changed layers too."""
    model = AutoModel.from_pretrained(artifact, dtype=torch.bfloat16)

    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_a_model_from_config_has_the_plan(artifact: Path) -> None:
    """Without weights, the config builds the compressed structure with fresh weights that can be trained."""
    model = AutoModel.from_config(AutoConfig.from_pretrained(artifact), dtype=torch.bfloat16)

    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in AutoModel.from_pretrained(artifact).state_dict().items()}
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    """A masked language model's decoder is its embedding after reloading as before."""
    register()
    model = tiny("bert", head="ForMaskedLM")
    STRUCTURAL["combined"](model)
    write_artifact(model, source=_source(model, tmp_path), out=tmp_path / "out")

    again = AutoModelForMaskedLM.from_pretrained(tmp_path / "out")

    assert again.cls.predictions.decoder.weight is again.bert.embeddings.word_embeddings.weight
    assert torch.equal(again(**tiny_batch("bert")).logits, model(**tiny_batch("bert")).logits)


def test_a_mismatched_body_is_refused_even_when_mismatches_are_ignored(artifact: Path) -> None:
    """ignore_mismatched_sizes is for heads: it never replaces a layer of the body by random weights."""
    config = AutoConfig.from_pretrained(artifact, vocab_size=50)

    with pytest.raises(RuntimeError, match="word_embeddings"):
        AutoModel.from_pretrained(artifact, config=config, ignore_mismatched_sizes=True)


def test_conv1d_layers_are_replayed_as_such() -> None:
    """A changed layer of GPT-2's transposed kind stays of that kind."""
    body = nn.Sequential(Conv1D(8, 4))

    replay({"modules": [{"path": "0", "kind": "linear", "in": 4, "out": 6, "rank": None, "bias": True}]}, body)

    assert isinstance(body[0], Conv1D)
    assert body[0].weight.shape == (4, 6)


@pytest.mark.parametrize(
    "plan",
    [
        {"modules": [{"path": "norm", "kind": "linear", "in": 4, "out": 4, "bias": True}]},
        {"modules": [{"path": "layer", "kind": "pickle", "in": 4, "out": 4, "bias": True}]},
        {"modules": [{"path": "layer", "kind": "linear", "in": 0, "out": 4, "bias": True}]},
        {"modules": [{"path": "layer", "kind": "linear", "in": "4", "out": 4, "bias": True}]},
        {"modules": [], "attributes": {"layer": {"forward": 1}}},
        {"modules": [], "attributes": {"layer": {"in_features": "4"}}},
        {"modules": [], "attributes": {"layer": {"training": 1}}},
    ],
)
def test_a_plan_changes_nothing_but_linear_layers_and_counts(plan: dict[str, Any]) -> None:
    """A plan that names another module, kind, size or attribute is refused."""
    body = nn.ModuleDict({"layer": nn.Linear(4, 4), "norm": nn.LayerNorm(4)})

    with pytest.raises(ValueError, match="plan"):
        replay(plan, body)


def test_a_planned_config_gives_its_stock_config_back() -> None:
    """Planning a config and taking the plan away changes no field."""
    config = tiny("hubert").config
    planned = planned_config(config, {"modules": [], "attributes": {}})

    assert type(stock_config(planned)) is type(config)
    assert stock_config(planned).to_diff_dict() == config.to_diff_dict()


def _source(model: Any, folder: Path) -> Path:
    """Write a source folder for *model*'s artifact."""
    tiny(model.config.model_type).save_pretrained(folder / "source")
    return folder / "source"
