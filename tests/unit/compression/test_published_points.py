"""The published landscape of MelHuBERT: 35 points, whose parameters are integers that must come out exactly.

Source: Lin et al. 2022, arXiv:2211.09949, figures; counts include the head of 512 clusters, and for weight pruning only
what is not zero. MACs per second of speech are those of the encoder without that head, over the 32 recordings of
SUPERB's profile (Feng et al. 2022, arXiv:2210.08634), whose lengths are facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch

from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertForPreTraining
from jobs.compression.anatomy import anatomy_of
from jobs.compression.surgery import drop_heads, drop_layers, drop_units
from jobs.compression.technique import Context, apply
from jobs.contract.spec import Step
from jobs.profiling.macs import count_macs
from jobs.profiling.size import count_nonzero
from jobs.utterances import SUPERB_SAMPLES

MEAN_SAMPLES = round(sum(n * n for n in SUPERB_SAMPLES) / sum(SUPERB_SAMPLES))
"""Their mean, weighted by length: attention grows with the square, so one recording of it costs as much a second."""


@dataclass(frozen=True, slots=True)
class Point:
    """A recipe in shapes, and what is published of it: parameters, and 10⁹ MACs per second of speech."""

    name: str
    params: int
    giga_macs: float
    layers: int = 12
    heads: int = 12
    units: int = 3072


POINTS = (
    Point("dense", 90_231_424, 4.945),
    Point("first six layers", 47_704_192, 2.592, layers=6),
    Point("first two layers", 19_352_704, 1.023, layers=2),
    Point("120 heads", 85_508_224, 4.633, heads=10),
    Point("108 heads", 83_146_624, 4.476, heads=9),
    Point("84 heads", 78_423_424, 4.164, heads=7),
    Point("72 heads", 76_061_824, 4.008, heads=6),
    Point("48 heads", 71_338_624, 3.695, heads=4),
    Point("36 heads", 68_977_024, 3.539, heads=3),
    Point("24 heads", 66_615_424, 3.383, heads=2),
    Point("12 heads", 64_253_824, 3.226, heads=1),
    Point("2560 units", 80_788_096, 4.473, units=2560),
    Point("2048 units", 71_344_768, 4.001, units=2048),
    Point("1536 units", 61_901_440, 3.530, units=1536),
    Point("1024 units", 52_458_112, 3.058, units=1024),
    Point("512 units", 43_014_784, 2.586, units=512),
    Point("distilled to six layers", 47_704_192, 2.592, layers=6),
    Point("distilled to two layers", 19_352_704, 1.023, layers=2),
    Point("six layers, 54 heads", 44_161_792, 2.358, layers=6, heads=9),
    Point("six layers, 36 heads", 40_619_392, 2.123, layers=6, heads=6),
    Point("six layers, 36 heads, 2560 units", 35_897_728, 1.887, layers=6, heads=6, units=2560),
    Point("six layers, 36 heads, 2048 units", 31_176_064, 1.651, layers=6, heads=6, units=2048),
    Point("six layers, 36 heads, 1536 units", 26_454_400, 1.416, layers=6, heads=6, units=1536),
    Point("six layers, 36 heads, 1024 units", 21_732_736, 1.180, layers=6, heads=6, units=1024),
    Point("six layers, 36 heads, 512 units", 17_011_072, 0.944, layers=6, heads=6, units=512),
)
"""The points that differ in shape."""

SPARSE = {
    0.2: (73_227_904, 4.095),
    0.4: (56_224_384, 3.245),
    0.5: (47_722_624, 2.820),
    0.6: (39_220_864, 2.395),
    0.7: (30_719_104, 1.970),
    0.8: (22_217_344, 1.544),
    0.85: (17_966_464, 1.332),
    0.9: (13_715_584, 1.119),
    0.92: (12_015_232, 1.034),
    0.94: (10_314_880, 0.949),
}
"""The points of weight pruning, by sparsity: parameters that are not zero, and 10⁹ MACs per second without zeros."""


def _built(point: Point) -> MelHubertForPreTraining:
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
    assert len(POINTS) + len(SPARSE) == 35
    assert sum(SUPERB_SAMPLES) / 16_000 == 224.86


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_parameters_of_a_point(point: Point) -> None:
    """Cutting layers, heads and units leaves exactly the published number of parameters."""
    assert _built(point).num_parameters() == point.params


@pytest.mark.parametrize(
    "point",
    [pytest.param(each, marks=() if each in (POINTS[0], POINTS[-1]) else pytest.mark.slow) for each in POINTS],
    ids=lambda point: point.name,
)
def test_macs_of_a_point(point: Point) -> None:
    """MACs per second of a recording of mean length are the published ones within half a per cent."""
    assert _giga_macs(_built(point), [MEAN_SAMPLES]) == pytest.approx(point.giga_macs, rel=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("point", [POINTS[0], POINTS[-1]], ids=lambda point: point.name)
def test_macs_over_the_recordings(point: Point) -> None:
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

    for sparsity, (params, giga_macs) in SPARSE.items():
        step = Step("weight_pruning", {"sparsity": sparsity, "include_bias": True})
        context = Context(anatomy_of(model), None, torch.Generator(), lambda *_: None, batch)
        model = apply(step, model, context).model
        macs = count_macs(model.base_model, batch).theoretical / MEAN_SAMPLES * 16_000 / 1e9

        assert count_nonzero(model) == params, sparsity
        assert macs == pytest.approx(giga_macs, rel=0.005), sparsity
