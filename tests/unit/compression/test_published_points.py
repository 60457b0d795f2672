"""The published landscape of MelHuBERT: 35 points, whose parameters are integers that must come out exactly."""

from collections.abc import Sequence

import pytest
import torch

from deploy.landscape.published import MEAN_SAMPLES, POINTS, Published
from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertForPreTraining
from jobs.compression.anatomy import anatomy_of
from jobs.compression.surgery import drop_heads, drop_layers, drop_units
from jobs.compression.technique import Context, apply
from jobs.contract.spec import Step
from jobs.profiling.macs import count_macs
from jobs.profiling.size import count_nonzero
from jobs.utterances import SUPERB_SAMPLES

SHAPED = [each for each in POINTS if each.sparsity is None]
"""The points that differ in shape."""

SPARSE = [each for each in POINTS if each.sparsity is not None]
"""Those of weight pruning, the densest first."""


def _built(point: Published) -> MelHubertForPreTraining:
    """Return the point's model on the meta device, cut as the techniques cut."""
    with torch.device("meta"):
        model = MelHubertForPreTraining(MelHubertConfig())
    anatomy = anatomy_of(model)
    drop_layers(anatomy.encoder(model), range(point.layers))
    for layer in anatomy.layers(model):
        drop_heads(layer.attention, torch.arange(point.heads, device="meta"))
        drop_units(layer.feed_forward, torch.arange(point.units, device="meta"))
    return model


def _giga_macs(model: MelHubertForPreTraining, recordings: Sequence[int]) -> float:
    """Return the encoder's 10⁹ MACs per second of speech over *recordings* of so many samples."""
    counts = [count_macs(model.base_model, {"input_values": torch.empty(1, n, device="meta")}) for n in recordings]
    assert not any(count.uncounted_ops for count in counts)
    return sum(count.executed for count in counts) / sum(recordings) * 16_000 / 1e9


def test_the_landscape_is_whole() -> None:
    """Thirty-five points, and recordings of 224.86 seconds."""
    assert (len(SHAPED), len(SPARSE)) == (25, 10)
    assert sum(SUPERB_SAMPLES) / 16_000 == 224.86


@pytest.mark.parametrize("point", SHAPED, ids=lambda point: point.name)
def test_parameters_of_a_point(point: Published) -> None:
    """Cutting layers, heads and units leaves exactly the published number of parameters."""
    assert _built(point).num_parameters() == point.params


@pytest.mark.parametrize(
    "point",
    [pytest.param(each, marks=() if each in (POINTS[0], POINTS[-1]) else pytest.mark.slow) for each in SHAPED],
    ids=lambda point: point.name,
)
def test_macs_of_a_point(point: Published) -> None:
    """MACs per second of a recording of mean length are the published ones within half a per cent."""
    assert _giga_macs(_built(point), [MEAN_SAMPLES]) == pytest.approx(point.giga_macs, rel=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("point", [POINTS[0], POINTS[-1]], ids=lambda point: point.name)
def test_macs_over_the_recordings(point: Published) -> None:
    """The whole set of recordings gives the same as their mean length, and the published figure."""
    model = _built(point)
    over_all = _giga_macs(model, SUPERB_SAMPLES)

    assert over_all == pytest.approx(point.giga_macs, rel=0.005)
    assert over_all == pytest.approx(_giga_macs(model, [MEAN_SAMPLES]), rel=0.002)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_weights_that_are_left() -> None:
    """Global magnitude pruning, biases included, leaves exactly the published number of weights that are not zero.

    Each sparser model is made from the last.
    """
    torch.manual_seed(0)
    model = MelHubertForPreTraining(MelHubertConfig()).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.02)
    batch = {"input_values": torch.randn(1, MEAN_SAMPLES) / 10}

    for point in SPARSE:
        (step,) = map(Step.from_json, point.steps())
        context = Context(anatomy_of(model), None, torch.Generator(), lambda *_: None, batch)
        model = apply(step, model, context).model
        macs = count_macs(model.base_model, batch).theoretical / MEAN_SAMPLES * 16_000 / 1e9

        assert count_nonzero(model) == point.params, point.name
        assert macs == pytest.approx(point.giga_macs, rel=0.005), point.name
