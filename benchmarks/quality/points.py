"""One method at one size: what it leaves of the encoder, how close its embeddings stay, what it costs."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from transformers import PreTrainedModel

from benchmarks.quality.harness import Harness

SHARES = (0.75, 0.65, 0.5, 0.35)
"""How much of the encoder is asked for."""

Compress: TypeAlias = Callable[[Harness, float], PreTrainedModel]
"""From the harness and a share to a model whose encoder has about that share of its parameters."""

Methods: TypeAlias = Mapping[str, Compress]
"""What is compared, by the name of its rows."""


def point(harness: Harness, method: str, compress: Compress, asked: float) -> dict[str, Any]:
    """Return the row of *method*; one that fails says with what, and has no figures.

    ``stored`` and ``nonzero`` are the encoder's parameters after as a share of those before: all, and those that are
    not zero. Seconds are of one thread's processor time, from the dense model to the small one.
    """
    row: dict[str, Any] = {"method": method, "asked": asked}
    began = time.process_time()
    try:
        model = compress(harness, asked)
    except Exception as failure:  # noqa: BLE001 - whatever another tool raises is its result
        return {**row, "failed": f"{type(failure).__name__}: {failure}".splitlines()[0]}
    seconds = round(time.process_time() - began, 1)
    return {**row, **_left(harness, model), **harness.quality(model), "cpu_seconds": seconds}


def _left(harness: Harness, model: PreTrainedModel) -> dict[str, float]:
    before, after = (_counts(each) for each in (harness.dense(), model))
    return {"stored": round(after[0] / before[0], 4), "nonzero": round(after[1] / before[1], 4)}


def _counts(model: PreTrainedModel) -> tuple[int, int]:
    parameters = list(model.base_model.encoder.parameters())
    return sum(each.numel() for each in parameters), sum(int(each.count_nonzero()) for each in parameters)
