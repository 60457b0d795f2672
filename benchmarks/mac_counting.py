"""Count the MACs of base-sized models with our counter and with others, and hold them all against closed forms.

    make .peers && .venv/bin/python -m pip install --target .peers --no-deps fvcore iopath yacs portalocker tabulate \
        termcolor thop
    .venv/bin/python -m benchmarks.mac_counting --peers .peers

PyTorch's ``FlopCounterMode`` counts 2 FLOP for a MAC and has no formula for the attention kernel of the CPU, so under
``sdpa`` it misses attention without saying so. fvcore names what it has no formula for, adds layer norms, and traces
the model; thop goes by the classes of modules, and knows neither attention nor weights that are computed. Counts do not
depend on the weights, which are random; ``off`` is how far a count is from the closed form.
"""

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    ViTConfig,
    ViTModel,
)

from benchmarks.closed_forms import bert_macs, gpt2_macs, hubert_macs, melhubert_macs, vit_macs
from benchmarks.peers import one_thread, said, versions
from jobs.batches import Batch, inference
from jobs.checkpoint.export import quietly
from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertModel
from jobs.contract.spec import InputSpec
from jobs.inputs import synthetic_batch
from jobs.profiling.macs import count_macs

RESULTS = Path(__file__).parent / "results" / "mac_counting.json"
SECOND = 16_000
CASES: tuple[tuple[Any, Any, InputSpec, Callable[[Any], int]], ...] = (
    (BertModel, BertConfig, InputSpec("text", tokens=64), lambda config: bert_macs(config, 64)),
    (GPT2Model, GPT2Config, InputSpec("text", tokens=64), lambda config: gpt2_macs(config, 64)),
    (HubertModel, HubertConfig, InputSpec("audio", seconds=1), lambda config: hubert_macs(config, SECOND)),
    (HubertModel, HubertConfig, InputSpec("audio", seconds=10), lambda config: hubert_macs(config, 10 * SECOND)),
    (MelHubertModel, MelHubertConfig, InputSpec("audio", seconds=1), lambda config: melhubert_macs(config, SECOND)),
    (ViTModel, ViTConfig, InputSpec("image", pixels=224), vit_macs),
)


class Whole(nn.Module):
    """A model as counters want it: its inputs in their order, one tensor out."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Return the last hidden states."""
        found: torch.Tensor = self.model(**dict(zip(self.names, tensors, strict=True))).last_hidden_state
        return found


def ours(model: nn.Module, batch: Batch) -> tuple[int, list[str]]:
    """Return our count, and the operations that it has no formula for."""
    found = count_macs(model, batch)
    return found.executed, sorted(found.uncounted_ops)


def flop_counter(model: nn.Module, batch: Batch) -> tuple[int, list[str]]:
    """Return half of what PyTorch's counter says; it does not say what it leaves out."""
    counter = FlopCounterMode(display=False)
    with counter:
        model(**batch)
    return int(counter.get_total_flops()) // 2, []


def fvcore(model: nn.Module, batch: Batch) -> tuple[int, list[str]]:
    """Return fvcore's count, which is of MACs, and the operations that it has no formula for."""
    found = import_module("fvcore.nn").FlopCountAnalysis(Whole(model, tuple(batch)), tuple(batch.values()))
    return int(found.total()), sorted(found.unsupported_ops())


def thop(model: nn.Module, batch: Batch) -> tuple[int, list[str]]:
    """Return thop's count; it does not say what it leaves out."""
    whole = Whole(model, tuple(batch))
    macs, _ = import_module("thop").profile(whole, inputs=tuple(batch.values()), verbose=False)
    for module in model.modules():  # its sums lie in buffers, which would be added up again
        for name in ("total_ops", "total_params"):
            module._buffers.pop(name, None)  # noqa: SLF001
    return int(macs), []


COUNTERS: Mapping[str, Callable[[nn.Module, Batch], tuple[int, list[str]]]] = {
    "ModelPress": ours,
    "torch FlopCounterMode": flop_counter,
    "fvcore": fvcore,
    "thop": thop,
}


def row(model: PreTrainedModel, attention: str, spec: InputSpec, wanted: int) -> dict[str, Any]:
    """Return what each counter says of one model."""
    model.set_attn_implementation(attention)
    batch = synthetic_batch(spec.kind, model.config, spec)
    counts: dict[str, Any] = {}
    for name, count in COUNTERS.items():
        try:
            with inference(model), warnings.catch_warnings(), quietly():
                warnings.simplefilter("ignore")
                macs, missing = count(model, batch)
        except Exception as error:  # noqa: BLE001 - a counter's failure is a result
            counts[name] = {"failed": said(error)}
            continue
        counts[name] = {"macs": macs, "off": round(macs / wanted - 1, 5), "uncounted_ops": missing}
    length = spec.tokens or spec.seconds or spec.pixels
    return {
        "model": type(model).__name__,
        "input": f"{length} {spec.kind}",
        "attention": attention,
        "closed_form": wanted,
        "counts": counts,
    }


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--peers", type=Path, help="where the other counters lie")
    if (peers := asked.parse_args().peers) is not None:
        sys.path.append(str(peers))
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    one_thread()
    found = []
    for kind, config_kind, spec, form in CASES:
        model = kind(config_kind()).eval()
        model.config.use_cache = False
        for attention in ("sdpa", "eager"):
            found.append(row(model, attention, spec, form(model.config)))
            told = {name: each.get("off", each.get("failed")) for name, each in found[-1]["counts"].items()}
            print(kind.__name__, found[-1]["input"], attention, f"{found[-1]['closed_form']:,}", told, flush=True)
    kept = {"versions": versions("fvcore", "thop"), "rows": found}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
