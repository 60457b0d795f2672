"""What the demo asks the service for, and how it shows the work going on."""

import sys
import time
from dataclasses import dataclass
from typing import Any

from modelpress import Job

Json = dict[str, Any]
WAIT_S = 900.0
SPEECH_SECONDS = 1.0
SPEECH_STEPS = 8
TEXT_STEPS = 60

HALVED: tuple[Json, ...] = (
    {"technique": "head_pruning", "heads_removed": 0.5},
    {"technique": "ffn_pruning", "units_removed": 0.5},
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One compression to about half the encoder."""

    name: str
    steps: tuple[Json, ...]
    recovery: Json | None = None


def asks(*, layers: int, training_steps: int) -> tuple[Ask, ...]:
    """Return every technique at half the encoder of a model with *layers* layers; two of them learn from data."""
    student = {"technique": "distillation", "layers_kept": layers // 2, "steps": training_steps}
    return (
        Ask("heads + units", HALVED, recovery={"steps": training_steps}),
        Ask("low rank", ({"technique": "low_rank", "rank_ratio": 0.5, "weighting": "activation"},)),
        Ask("weights", ({"technique": "weight_pruning", "sparsity": 0.5},)),
        Ask(f"{layers // 2}-layer student", (student,)),
    )


TEXT_PROFILE: Json = {"inputs": [{"kind": "text", "batch_size": 1, "tokens": 128}], "repeats": 20}
SPEECH_PROFILE: Json = {"inputs": [{"kind": "audio", "batch_size": 1, "seconds": SPEECH_SECONDS}], "repeats": 5}


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
