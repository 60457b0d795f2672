"""What the demo asks the service for, and how it shows the work going on."""

import sys
import time
from dataclasses import dataclass
from typing import Any

from modelpress import Job

Json = dict[str, Any]
WAIT_S = 900.0
SPEECH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One compression to about half the encoder, with the demo's data or without."""

    name: str
    steps: tuple[Json, ...]
    data: bool = True


HALVED: tuple[Json, ...] = (
    {"technique": "head_pruning", "heads_removed": 0.5},
    {"technique": "ffn_pruning", "units_removed": 0.5},
)
TEXT = (  # few steps, so high learning rates
    Ask("heads + units", HALVED),
    Ask("low rank", ({"technique": "low_rank", "rank_ratio": 0.5, "weighting": "activation"},)),
    Ask("weights", ({"technique": "weight_pruning", "sparsity": 0.5, "criterion": "sparsegpt"},)),
    Ask(
        "3-layer student",
        ({"technique": "distillation", "layers_kept": 3, "steps": 40, "batch_size": 16, "learning_rate": 2e-3},),
    ),
)
SPEECH = (  # random weights have nothing to lose: data would only take time
    Ask("heads + units", HALVED, data=False),
    Ask("low rank", ({"technique": "low_rank", "rank_ratio": 0.5},), data=False),
    Ask("weights", ({"technique": "weight_pruning", "sparsity": 0.5},), data=False),
    Ask(
        "6-layer student",
        ({"technique": "distillation", "layers_kept": 6, "steps": 2, "batch_size": 2, "learning_rate": 2e-3},),
    ),
)
TEXT_PROFILE: Json = {"inputs": [{"kind": "text", "batch_size": 1, "tokens": 128}], "repeats": 20}
SPEECH_PROFILE: Json = {"inputs": [{"kind": "audio", "batch_size": 1, "seconds": SPEECH_SECONDS}], "repeats": 6}


def finished(name: str, job: Job) -> Job:
    """Return *job* once it has succeeded, its stages shown on the way.

    Raises:
        SystemExit: it ended otherwise; the message is the service's own.
    """
    began, stages = time.monotonic(), _Stages()
    print(f"  {name:<15}", end="", flush=True)
    job.wait(timeout=WAIT_S, on_event=stages)
    print(f" · {time.monotonic() - began:.0f} s")
    if job.state != "succeeded":
        raise SystemExit(f"{job.id} {job.state}: {job.error.message if job.error else 'no reason was given'}")
    return job


class _Stages:
    """Prints each stage of a job as it begins."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def __call__(self, event: Any) -> None:
        stage = event.get("stage")
        if stage and stage not in self._shown:
            self._shown.add(stage)
            sys.stdout.write(f" {stage}")
            sys.stdout.flush()
