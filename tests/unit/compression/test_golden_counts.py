"""The published integers: what a head, a unit and a layer weigh in models of base size.

Source: Lin et al. 2022, arXiv:2211.09949, whose points are multiples of these counts. Shapes only, on the meta device.
"""

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from jobs.compression.anatomy import anatomy_of
from jobs.compression.surgery import drop_heads, drop_layers, drop_units
from jobs.compression.techniques.weight_pruning import prunable

HEAD, UNIT, LAYER = 196_800, 1_537, 7_087_872


@pytest.fixture(params=["Bert", "Hubert"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    """Return a model of base size without storage."""
    with torch.device("meta"):
        return getattr(transformers, f"{request.param}Model")(getattr(transformers, f"{request.param}Config")())


def test_the_encoder_has_its_size(model: PreTrainedModel) -> None:
    """Twelve layers of width 768 hold 85,054,464 parameters."""
    anatomy = anatomy_of(model)

    assert sum(each.numel() for each in anatomy.encoder(model).parameters()) == 85_054_464 == 12 * LAYER


def test_prunable_weights(model: PreTrainedModel) -> None:
    """The six maps of twelve layers hold 85,017,600 weights and biases."""
    layers = anatomy_of(model).layers(model)

    assert sum(each.numel() for layer in layers for each in prunable(layer, include_bias=True)) == 85_017_600


@pytest.mark.parametrize("removed", [1, 5, 11])
def test_a_head(model: PreTrainedModel, removed: int) -> None:
    """Each head takes 196,800 parameters with it."""
    before = model.num_parameters()

    drop_heads(anatomy_of(model).layers(model)[3].attention, torch.arange(12 - removed, device="meta"))

    assert before - model.num_parameters() == removed * HEAD


@pytest.mark.parametrize("kept", [2560, 512, 1])
def test_a_unit(model: PreTrainedModel, kept: int) -> None:
    """Each unit of each layer takes 1,537 parameters with it."""
    before = model.num_parameters()

    for layer in anatomy_of(model).layers(model):
        drop_units(layer.feed_forward, torch.arange(kept, device="meta"))

    assert before - model.num_parameters() == 12 * (3072 - kept) * UNIT


def test_a_layer(model: PreTrainedModel) -> None:
    """Each layer takes 7,087,872 parameters with it."""
    before = model.num_parameters()

    drop_layers(anatomy_of(model).encoder(model), (0, 2, 4, 6, 8, 11))

    assert before - model.num_parameters() == 6 * LAYER


def test_the_published_combination(model: PreTrainedModel) -> None:
    """Six layers, half the heads and 512 units leave what the combination's end point leaves of the encoder."""
    anatomy = anatomy_of(model)
    drop_layers(anatomy.encoder(model), range(6))
    for layer in anatomy.layers(model):
        drop_heads(layer.attention, torch.arange(6, device="meta"))
        drop_units(layer.feed_forward, torch.arange(512, device="meta"))

    published = 17_011_072 - (90_231_424 - 12 * LAYER)
    assert sum(each.numel() for each in anatomy.encoder(model).parameters()) == published
