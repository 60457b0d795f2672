"""Count the MACs of base-sized models with our counter and with the one that PyTorch ships.

    python benchmarks/mac_counting.py

PyTorch's ``FlopCounterMode`` counts 2 FLOP for a MAC and has no formula for the attention kernel of the CPU, so under
``sdpa`` it misses attention without saying so. Weights are random: counts do not depend on them.
"""

import json
from pathlib import Path

import torch
import transformers
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, HubertConfig, HubertModel, ViTConfig, ViTModel

from jobs.batches import Batch, inference, synthetic_batch
from jobs.contract.spec import InputSpec
from jobs.profiling.macs import count_macs

RESULTS = Path(__file__).parent / "results" / "mac_counting.json"
CASES = (
    (BertModel, BertConfig, InputSpec("text", tokens=64)),
    (GPT2Model, GPT2Config, InputSpec("text", tokens=64)),
    (HubertModel, HubertConfig, InputSpec("audio", seconds=1)),
    (HubertModel, HubertConfig, InputSpec("audio", seconds=10)),
    (ViTModel, ViTConfig, InputSpec("image", pixels=224)),
)


def torch_macs(model: nn.Module, batch: Batch) -> int:
    """Return half of what PyTorch's counter says."""
    counter = FlopCounterMode(display=False)
    with inference(model), counter:
        model(**batch)
    return int(counter.get_total_flops()) // 2


def rows() -> list[dict[str, object]]:
    """Return a row for each model and attention implementation."""
    found: list[dict[str, object]] = []
    for kind, config_kind, spec in CASES:
        for attention in ("sdpa", "eager"):
            config = config_kind(attn_implementation=attention)
            model = kind(config).eval()
            batch = synthetic_batch(spec.kind, config, spec)
            ours = count_macs(model, batch)
            length = spec.tokens or spec.seconds or spec.pixels
            found.append(
                {
                    "model": kind.__name__,
                    "input": f"{length} {spec.kind}",
                    "attention": attention,
                    "macs": ours.executed,
                    "uncounted_ops": dict(ours.uncounted_ops),
                    "torch_macs": torch_macs(model, batch),
                }
            )
    return found


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    torch.set_num_threads(1)
    found = rows()
    for row in found:
        print("{model:12} {input:>10} {attention:6} {macs:>15,} {torch_macs:>15,}".format_map(row))
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"versions": versions, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
