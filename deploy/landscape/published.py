"""The published landscape of MelHuBERT: 35 models in shapes, and what is known of each.

Source: Lin et al. 2022, arXiv:2211.09949, figures. Parameters follow from the shapes and are exact; they count the
head of 512 clusters, and for weight pruning only what is not zero. MACs are 10⁹ per second of speech, without that
head, over the 32 recordings of SUPERB's profile (Feng et al. 2022, arXiv:2210.08634), and for weight pruning without
zeros. Phone error rates [%] are read off the figures, to about one in a hundred; wall-clock is not published.
"""

from dataclasses import dataclass
from typing import Any

from jobs.utterances import SUPERB_SAMPLES

LAYERS, HEADS, UNITS = 12, 12, 3072
SAMPLING_RATE_HZ = 16_000
MEAN_SAMPLES = round(sum(n * n for n in SUPERB_SAMPLES) / sum(SUPERB_SAMPLES))
"""Their mean, weighted by length: attention grows with the square, so one recording of it costs as much a second."""


@dataclass(frozen=True, slots=True)
class Published:
    """A model in shapes, and what is published of it.

    Attributes:
        name: says which.
        series: what it is drawn with.
        params: parameters, or those that are not zero where *sparsity* is given.
        giga_macs: 10⁹ MACs per second of speech.
        phone_error_rate: of SUPERB's phone recognition [%].
        layers: how many.
        heads: in each layer, on average.
        units: of each feed-forward pair.
        sparsity: share of the prunable weights and biases that is zero.
    """

    name: str
    series: str
    params: int
    giga_macs: float
    phone_error_rate: float
    layers: int = LAYERS
    heads: int = HEADS
    units: int = UNITS
    sparsity: float | None = None

    def steps(self) -> list[dict[str, Any]]:
        """Return the request's steps that lead from the dense model to these shapes, without training."""
        steps: list[dict[str, Any]] = []
        if self.layers < LAYERS:
            chosen = "first" if self.series == "first_layers" else "spread"
            student = {"layers_kept": self.layers, "layers_chosen": chosen, "steps": 0}
            steps.append({"technique": "distillation", **student})
        if self.heads < HEADS:
            kept = {"heads_kept": self.heads * self.layers, "scope": "global", "score": "l1"}
            steps.append({"technique": "head_pruning", **kept})
        if self.units < UNITS:
            steps.append({"technique": "ffn_pruning", "units_kept": self.units, "score": "l1"})
        if self.sparsity is not None:
            steps.append({"technique": "weight_pruning", "sparsity": self.sparsity, "include_bias": True})
        return steps


POINTS = (
    Published("dense", "dense", 90_231_424, 4.945, 8.17),
    Published("first 6 layers", "first_layers", 47_704_192, 2.592, 11.74, layers=6),
    Published("first 2 layers", "first_layers", 19_352_704, 1.023, 44.4, layers=2),
    Published("sparsity 0.2", "weight_pruning", 73_227_904, 4.095, 7.75, sparsity=0.2),
    Published("sparsity 0.4", "weight_pruning", 56_224_384, 3.245, 8.03, sparsity=0.4),
    Published("sparsity 0.5", "weight_pruning", 47_722_624, 2.820, 8.22, sparsity=0.5),
    Published("sparsity 0.6", "weight_pruning", 39_220_864, 2.395, 8.12, sparsity=0.6),
    Published("sparsity 0.7", "weight_pruning", 30_719_104, 1.970, 8.22, sparsity=0.7),
    Published("sparsity 0.8", "weight_pruning", 22_217_344, 1.544, 8.67, sparsity=0.8),
    Published("sparsity 0.85", "weight_pruning", 17_966_464, 1.332, 8.97, sparsity=0.85),
    Published("sparsity 0.9", "weight_pruning", 13_715_584, 1.119, 10.05, sparsity=0.9),
    Published("sparsity 0.92", "weight_pruning", 12_015_232, 1.034, 10.2, sparsity=0.92),
    Published("sparsity 0.94", "weight_pruning", 10_314_880, 0.949, 11.25, sparsity=0.94),
    Published("120 heads", "head_pruning", 85_508_224, 4.633, 7.17, heads=10),
    Published("108 heads", "head_pruning", 83_146_624, 4.476, 7.33, heads=9),
    Published("84 heads", "head_pruning", 78_423_424, 4.164, 6.9, heads=7),
    Published("72 heads", "head_pruning", 76_061_824, 4.008, 7.04, heads=6),
    Published("48 heads", "head_pruning", 71_338_624, 3.695, 7.59, heads=4),
    Published("36 heads", "head_pruning", 68_977_024, 3.539, 7.83, heads=3),
    Published("24 heads", "head_pruning", 66_615_424, 3.383, 9.7, heads=2),
    Published("12 heads", "head_pruning", 64_253_824, 3.226, 11.6, heads=1),
    Published("2560 units", "ffn_pruning", 80_788_096, 4.473, 8.7, units=2560),
    Published("2048 units", "ffn_pruning", 71_344_768, 4.001, 8.92, units=2048),
    Published("1536 units", "ffn_pruning", 61_901_440, 3.530, 8.8, units=1536),
    Published("1024 units", "ffn_pruning", 52_458_112, 3.058, 9.85, units=1024),
    Published("512 units", "ffn_pruning", 43_014_784, 2.586, 14.1, units=512),
    Published("6 layers distilled", "distillation", 47_704_192, 2.592, 9.38, layers=6),
    Published("2 layers distilled", "distillation", 19_352_704, 1.023, 19.4, layers=2),
    Published("6 layers, 54 heads", "combination", 44_161_792, 2.358, 9.55, layers=6, heads=9),
    Published("6 layers, 36 heads", "combination", 40_619_392, 2.123, 9.69, layers=6, heads=6),
    Published("6 layers, 36 heads, 2560 units", "combination", 35_897_728, 1.887, 10.04, layers=6, heads=6, units=2560),
    Published("6 layers, 36 heads, 2048 units", "combination", 31_176_064, 1.651, 9.97, layers=6, heads=6, units=2048),
    Published("6 layers, 36 heads, 1536 units", "combination", 26_454_400, 1.416, 10.69, layers=6, heads=6, units=1536),
    Published("6 layers, 36 heads, 1024 units", "combination", 21_732_736, 1.180, 11.66, layers=6, heads=6, units=1024),
    Published("6 layers, 36 heads, 512 units", "combination", 17_011_072, 0.944, 13.64, layers=6, heads=6, units=512),
)
