"""Can it be loaded again: what comes back of a halved model that was saved, here and with other tools.

    make .peers && .venv/bin/python -m benchmarks.reloading --peers .peers

Small models of each family are halved, saved in each way there is, and opened again; what opens must give the very
output of the model that was saved. Ways: ``from_pretrained`` on what ``save_pretrained`` wrote, ``torch.load`` of the
whole model as it is by default and with pickled code allowed, and an exported program. Ours is the artifact of a job:
opened with the client and with ``trust_remote_code``; here all in one process, in fresh ones by ``tests/doors``.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import AutoModel, PreTrainedModel

from benchmarks.compression_time import ours
from benchmarks.peers import TOOLS, one_thread, said, versions
from benchmarks.smaller_faster import HEADS, UNITS
from jobs.batches import Batch
from jobs.checkpoint.export import quietly
from jobs.checkpoint.writer import write_artifact
from jobs.contract.spec import InputKind, InputSpec
from jobs.inputs import synthetic_batch
from jobs.profiling.size import count_nonzero, count_parameters

RESULTS = Path(__file__).parent / "results" / "reloading.json"
SMALL = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256}
SPEECH = {**SMALL, "conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
FAMILIES: Mapping[str, tuple[InputKind, Mapping[str, Any]]] = {
    "Bert": ("text", SMALL),
    "Roberta": ("text", SMALL),
    "DistilBert": ("text", {"dim": 128, "n_heads": 4, "hidden_dim": 256, "n_layers": 2}),
    "GPT2": ("text", {"n_embd": 128, "n_head": 4, "n_layer": 2}),
    "ViT": ("image", SMALL),
    "Dinov2": ("image", {**SMALL, "mlp_ratio": 2}),
    "Hubert": ("audio", SPEECH),
    "Wav2Vec2": ("audio", SPEECH),
    "WavLM": ("audio", SPEECH),
}
SIZES = {"text": InputSpec("text", tokens=16), "audio": InputSpec("audio", seconds=0.5), "image": InputSpec("image")}
SAVED = ("from_pretrained", "torch.load", "torch.load, pickled code allowed", "torch.export")

Opened = Callable[[Batch], Tensor]


def peer(model: PreTrainedModel, way: str, folder: Path, batch: Batch) -> Opened:
    """Save *model* in one way and return what opens of it."""
    if way == "from_pretrained":
        model.save_pretrained(folder)
        return lambda given: type(model).from_pretrained(folder).eval()(**given).last_hidden_state
    if way == "torch.export":
        program = torch.export.export(model, (), dict(batch), strict=False)
        torch.export.save(program, folder / "model.pt2")
        return lambda given: torch.export.load(folder / "model.pt2").module()(**given).last_hidden_state
    torch.save(model, folder / "model.pt")
    options = {} if way == "torch.load" else {"weights_only": False}
    return lambda given: torch.load(folder / "model.pt", **options).eval()(**given).last_hidden_state


def verdict(save: Callable[[], Opened], batch: Batch, wanted: Tensor) -> str:
    """Return whether what was saved opens and gives the same, or what was said against it."""
    try:
        with warnings.catch_warnings(), quietly(), torch.no_grad():
            warnings.simplefilter("ignore")
            found = save()(batch)
    except Exception as error:  # noqa: BLE001 - a failure is a result
        return said(error)
    return "same output" if torch.equal(found, wanted) else "opens, and gives another output"


def row(family: str, tool: str, halve: Callable[[PreTrainedModel, Batch], PreTrainedModel]) -> dict[str, Any]:
    """Return what becomes of one family in one tool."""
    kind, sizes = FAMILIES[family]
    one_thread()
    config = getattr(transformers, f"{family}Config")(**sizes)
    config.use_cache = False
    model = getattr(transformers, f"{family}Model")(config).eval()
    batch, before = synthetic_batch(kind, config, SIZES[kind]), model.num_parameters()
    told: dict[str, Any] = {"family": family, "tool": tool}
    try:
        with warnings.catch_warnings(), quietly():
            warnings.simplefilter("ignore")
            halved = halve(model, batch)
    except Exception as error:  # noqa: BLE001 - a failure is a result
        return told | {"halved": said(error)}
    with torch.no_grad():
        wanted = halved.eval()(**batch).last_hidden_state
    told["params_left"] = round(count_parameters(halved) / before, 3)
    told["nonzero_left"] = round(count_nonzero(halved) / before, 3)
    if tool == "ModelPress":
        return told | _ours(model, halved, batch, wanted)
    for way in SAVED:
        with TemporaryDirectory() as folder:
            path = Path(folder)
            told[way] = verdict(lambda way=way, path=path: peer(halved, way, path, batch), batch, wanted)
    return told


def _ours(dense: PreTrainedModel, halved: PreTrainedModel, batch: Batch, wanted: Tensor) -> dict[str, str]:
    import modelpress.transformers  # noqa: F401, PLC0415 - the client's door

    with TemporaryDirectory() as folder:
        source, out = Path(folder) / "source", Path(folder) / "out"
        out.mkdir()
        dense.save_pretrained(source)
        write_artifact(halved, source=source, out=out)

        def opened(**options: Any) -> Opened:
            model = AutoModel.from_pretrained(out, **options).eval()
            return lambda given: model(**given).last_hidden_state

        return {
            "with the client": verdict(opened, batch, wanted),
            "trust_remote_code": verdict(lambda: opened(trust_remote_code=True), batch, wanted),
            "torch.export": verdict(lambda: peer(halved, "torch.export", Path(folder), batch), batch, wanted),
        }


def main() -> None:
    """Print the table and keep it with the versions that gave it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--peers", type=Path, help="where the other tools lie")
    asked.add_argument("--family", nargs="+", default=list(FAMILIES), help="others keep their rows")
    given = asked.parse_args()
    if given.peers is not None:
        sys.path.append(str(given.peers))
    tools = {"ModelPress": ours(HEADS, UNITS), **TOOLS}
    before = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    rows = [each for each in before if each["family"] not in given.family]
    for family in given.family:
        for tool, halve in tools.items():
            rows.append(row(family, tool, halve))
            print(rows[-1], flush=True)
    kept = {"versions": versions("torch-pruning", "nncf"), "rows": rows}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
