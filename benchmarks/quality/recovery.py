"""Meet a budget on a real sentence encoder, then recover it, and compare embeddings as the steps go by.

    python -m benchmarks.quality.recovery CALIBRATION HELD_OUT

What the two are, and what is measured, ``harness`` says. Half of the encoder's parameters go, fitted on 512 sentences;
recovery with its defaults learns from all that there are. What decides which state it keeps, nothing was fitted on,
and of what judges, figures tell apart what recovery has not seen. Seconds are of the processor, without measuring.
"""

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

from benchmarks.quality.harness import Harness, embeddings, open_harness, sentences_of
from jobs.batches import Batch, Batches, ListBatches
from jobs.compression.learning.schedule import Schedule
from jobs.compression.recovery import recover
from jobs.compression.target import reach
from jobs.contract.spec import Target
from jobs.judging import divided

RESULTS = Path(__file__).parent.parent / "results" / "recovery_quality.json"
TARGET = Target("params", ratio=0.5, scope="encoder")
FITTED, EVERYTHING = 640, 100_000
"""Sentences of a request's data, at most: a fifth of them is held out, to judge by and to decide."""
STEPS, LOOK_EVERY = 500, 50


@dataclass(slots=True)
class Watch:
    """The progress of learning: measures *model* now and then, and knows what that cost.

    Attributes:
        curve: the cosine, by the steps done.
        seconds: what measuring took.
    """

    harness: Harness
    model: PreTrainedModel
    curve: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Measure where it is time to."""
        if done % LOOK_EVERY == 0 and done not in self.curve:
            began = time.process_time()
            found = (embeddings(self.model, self.harness.judging) * self.harness.wanted).sum(dim=1).mean()
            self.curve[done] = round(float(found), 4)
            self.seconds += time.process_time() - began
            print(done, total, self.curve[done], flush=True)


def row(harness: Harness, model: PreTrainedModel, fitted: Batches, everything: Batches) -> dict[str, Any]:
    """Return the figures of recovering *model*, fitted on *fitted*, with *everything* as its data."""
    learning, judging = divided(everything)
    deciding = _without(judging.deciding or (), fitted)
    strict = _without(harness.judging, [*learning, *fitted])
    unseen = replace(harness, judging=strict, wanted=embeddings(harness.dense(), strict))
    before = {**harness.quality(model), "unseen": unseen.quality(model)}
    watch, began = Watch(harness, model), time.process_time()
    outcome = recover(model, harness.dense(), learning, Schedule(STEPS), watch, deciding=deciding)
    seconds = time.process_time() - began - watch.seconds
    after = {**harness.quality(model), "unseen": unseen.quality(model)}
    counts = {"sentences": len(_sentences(learning)), "unseen": len(unseen.wanted), "steps": outcome.steps}
    return {**counts, "cpu_seconds": round(seconds, 1), "before": before, "after": after, "curve": watch.curve}


def _without(batches: Iterable[Batch], others: Iterable[Batch]) -> ListBatches:
    """Return *batches* without the sequences that are among *others*: tables of pairs may share some."""
    seen, left = set(_sentences(others)), []
    for batch in batches:
        keep = torch.tensor([each not in seen for each in _sentences([batch])])
        left += [{name: tensor[keep] for name, tensor in batch.items()}] if keep.any() else []
    return ListBatches(left)


def _sentences(batches: Iterable[Batch]) -> list[tuple[int, ...]]:
    """Return the tokens of every sequence."""
    pairs = (pair for each in batches for pair in zip(each["input_ids"], each["attention_mask"], strict=True))
    return [tuple(tokens[real.bool()].tolist()) for tokens, real in pairs]


def main() -> None:
    """Print the figures and keep them with the versions that gave them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calibration", type=Path)
    parser.add_argument("held_out", type=Path)
    asked = parser.parse_args()
    harness = open_harness(asked.calibration, asked.held_out)
    fitted, _ = divided(sentences_of(asked.calibration, harness.folder, FITTED))
    model = harness.dense()
    model = reach(TARGET, model, replace(harness.context(model), batches=fitted)).model
    found = row(harness, model, fitted, sentences_of(asked.calibration, harness.folder, EVERYTHING))
    print(json.dumps(found))
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    target = {name: value for name, value in asdict(TARGET).items() if value is not None}
    document = {"versions": versions, "target": target, **found}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
