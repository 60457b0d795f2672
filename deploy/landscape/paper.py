"""``python -m deploy.landscape.paper``: the published landscape of MelHuBERT, all 35 models as one request.

Parameters must come out as published to the integer and MACs within half a per cent; the wall-clock, which nobody has
published, is measured here. Weights are random and nothing is trained, so quality is as published, read off figures.
Writes ``landscape_paper.json`` and the charts beside the other results.

Cost: about half an hour and 10 GB of disk for a while.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from modelpress import ModelPress

from deploy.embedded.processes import StartError
from deploy.embedded.stack import ROOT, Stack, state_folder
from deploy.landscape.charted import charted
from deploy.landscape.following import finished
from deploy.landscape.published import MEAN_SAMPLES, POINTS, SAMPLING_RATE_HZ, Published
from jobs import charting
from jobs.checkpoint.modelpress_melhubert import MelHubertConfig, MelHubertForPreTraining

Json = dict[str, Any]
OUT = ROOT / "benchmarks" / "results"
HEAD = "cluster_head"
MACS_WITHIN = 0.005
INPUT: Json = {"kind": "audio", "seconds": MEAN_SAMPLES / SAMPLING_RATE_HZ}
PROFILE: Json = {"inputs": [INPUT], "repeats": 6}


def main() -> None:
    """Ask a stack of its own for the landscape, compare, and say what differs."""
    began, state = time.monotonic(), state_folder()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="paper-", dir=state) as name:
        folder = Path(name)
        try:
            with Stack(folder / "stack") as stack, ModelPress(stack.url, stack.api_key) as press:
                document = asked(press, write_melhubert(folder / "melhubert"), PROFILE)
        except StartError as error:
            sys.exit(str(error))
    rows = compared(document)
    print(_table(rows))
    write(document, rows, OUT)
    print(f"This took {time.monotonic() - began:.0f} s.")
    if wrong := [row["name"] for row in rows if not (row["params_agree"] and row["macs_agree"])]:
        sys.exit(f"Not as published: {', '.join(wrong)}.")


def write_melhubert(folder: Path) -> Path:
    """Write a MelHuBERT of the published size with random weights, biases among them, and return *folder*."""
    torch.manual_seed(0)
    model = MelHubertForPreTraining(MelHubertConfig())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.02)
    model.save_pretrained(folder)
    return folder


def write(document: Json, rows: list[Json], folder: Path) -> None:
    """Write what came out as JSON, and the charts of it, into *folder*."""
    report = charted(document["report"])
    told = {"machine": report.environments, "rows": rows, "answers": report.answers, "warnings": report.warnings}
    (folder / "landscape_paper.json").write_text(json.dumps(told, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as name:
        charting.draw(report, Path(name))
        for drawn in Path(name).iterdir():
            shutil.copy(drawn, folder / f"landscape_paper{drawn.suffix}")


def asked(press: ModelPress, model: Path, profile: Json) -> Json:
    """Return the report of the whole landscape, and what the head multiplies, which published figures leave out."""
    uri = press.upload(model)
    dense = finished(press.profile(model=uri, profile={"inputs": [{**INPUT, "timed": False}]})).report()
    head = next(each for each in dense.modules if each.path.endswith(HEAD))
    points = [{"name": each.name, "series": each.series, "steps": each.steps()} for each in POINTS[1:]]
    report = finished(press.landscape(model=uri, points=points, profile=profile)).report()
    return {"head_macs_per_second": head.macs_executed / INPUT["seconds"], "report": report.to_json()}


def compared(document: Json) -> list[Json]:
    """Return each point as it came out, beside what is published of it."""
    points = {point["name"]: point for point in document["report"]["points"]}
    return [_row(each, points[each.name], document["head_macs_per_second"]) for each in POINTS]


def _row(published: Published, point: Mapping[str, Any], head: float) -> Json:
    sparse, values = published.sparsity is not None, point["values"]
    params = values["params_nonzero" if sparse else "params_total"]
    macs = (values["macs_per_second_theoretical" if sparse else "macs_per_second"] - head) / 1e9
    return {
        "name": published.name,
        "series": published.series,
        "phone_error_rate": published.phone_error_rate,
        "params": params,
        "params_agree": params == published.params,
        "giga_macs_per_second": macs,
        "giga_macs_published": published.giga_macs,
        "macs_agree": abs(macs / published.giga_macs - 1) <= MACS_WITHIN,
        "latency": values.get("latency_relative", 1.0),
        "latency_interval": point["intervals"].get("latency_relative"),
        "real_time_factor": values.get("real_time_factor"),
    }


def _table(rows: list[Json]) -> str:
    lines = [f"{'':32}{'parameters':>12}{'MACs/s [G]':>12}{'published':>11}{'time/dense':>12}  95 %"]
    for row in rows:
        low, high = row["latency_interval"] or (1.0, 1.0)
        mark = "" if row["params_agree"] and row["macs_agree"] else "  differs"
        lines.append(
            f"{row['name']:32}{row['params']:>12,.0f}{row['giga_macs_per_second']:>12.3f}{row['giga_macs_published']:>11.3f}"
            f"{row['latency']:>12.3f}  {low:.3f} to {high:.3f}{mark}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
