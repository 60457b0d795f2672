"""Children's reports made up from a few figures, in the shape that a compression publishes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobs.contract.quality import Fidelity, ProbeReport, Score
from jobs.contract.report import InputProfile, Profile, Report
from jobs.contract.spec import InputSpec
from jobs.contract.state import JobState
from jobs.contract.timing import Latency, Speedup
from jobs.landscape.outcome import PointOutcome

TEXT = InputSpec("text", tokens=128)
DENSE_PARAMS = 20_000_000
DENSE_MACS = 2_000_000_000
DENSE_MS = 40.0
ENVIRONMENT = {"python": "3.11", "system": "Linux", "machine": "x86_64", "logical_cpus": 2, "torch": "2.13.0"}


def on_input(macs: float, zeros: float, latency_ms: float | None, given: InputSpec = TEXT) -> InputProfile:
    """Return figures on one input: MACs, the share of them that stored zeros would save, and a median."""
    latency = None if latency_ms is None else Latency(latency_ms, 0.5, latency_ms, 20, 1, "cpu", "float32")
    timed = given.seconds is not None and latency_ms is not None
    return InputProfile(
        input=given,
        macs_executed=round(macs),
        macs_theoretical=round(macs * (1 - zeros)),
        uncounted_ops={},
        latency_ms=latency,
        real_time_factor=latency_ms / 1000 / given.seconds if timed and latency_ms and given.seconds else None,
        macs_per_second=None if given.seconds is None else macs / given.seconds,
    )


def profile(params: float, zeros: float, inputs: Sequence[InputProfile]) -> Profile:
    """Return figures of a model with so many parameters, of which a share are *zeros*."""
    total, nonzero = round(params), round(params * (1 - zeros))
    return Profile(total, nonzero, total // 2, nonzero // 2, 4 * total, 5 * total, tuple(inputs))


def probe(
    accuracy: float, *, dense: float = 0.9, label: str = "digit", control: float | None = None, within: float = 0.02
) -> ProbeReport:
    """Return what a probe of a classification would say, each accuracy with an interval of *within* to both sides."""
    scores = [Score(each, each - within, each + within, 200) for each in (dense, accuracy)]
    held = None if control is None else Score(control, control - within, control + within, 200)
    how = "Accuracy of a linear probe on 200 sequences."
    return ProbeReport("classification", label, "accuracy", "higher", (0,), *scores, how, control=held)


def child(
    *,
    params: float = 1.0,
    macs: float | None = None,
    time: float | None = None,
    spread: float = 0.02,
    zeros: float = 0.0,
    cosine: float = 0.95,
    given: InputSpec = TEXT,
    quality: Sequence[ProbeReport] = (),
    source: str = "held_out",
    control: float | None = None,
    warnings: Sequence[str] = (),
    environment: Mapping[str, Any] = ENVIRONMENT,
    sha256: str = "a" * 64,
    timed: bool = True,
) -> dict[str, Any]:
    """Return a compression's report as JSON.

    *params*, *macs* and *time* are shares of a made-up dense model's; the interval of *time* reaches *spread* to both
    sides; *zeros* is the share of parameters that are zero and of MACs that they would save; *control* is the cosine
    of the dense model after the steps of the recovery.
    """
    macs = params if macs is None else macs
    time = macs if time is None else time
    before, after = (DENSE_MS, DENSE_MS * time) if timed else (None, None)
    ends = 1 / (time + spread), 1 / (time - spread)
    speedup = Speedup(given, 1 / time, *ends, conclusive=not ends[0] <= 1 <= ends[1])
    fidelity = Fidelity(cosine, 1 - cosine, 32, source)
    report = Report(
        model={"uri": "s3://models/small/", "revision": None, "sha256": sha256, "architecture": "BertModel"},
        steps=(),
        door="native",
        dense=profile(DENSE_PARAMS, 0, [on_input(DENSE_MACS, 0, before, given)]),
        compressed=profile(DENSE_PARAMS * params, zeros, [on_input(DENSE_MACS * macs, zeros, after, given)]),
        speedup=(speedup,) if timed else (),
        fidelity=fidelity,
        fidelity_before_recovery=None,
        fidelity_control=None if control is None else replace(fidelity, cosine=control, relative_error=1 - control),
        warnings=tuple(warnings),
        environment=environment,
        quality=tuple(quality),
    )
    document: dict[str, Any] = json.loads(json.dumps(report.to_json()))
    return document


def ended(name: str, series: str, **figures: Any) -> PointOutcome:
    """Return a point that succeeded, with the figures that *child* takes."""
    return PointOutcome(name, series, f"job_{name}", JobState.SUCCEEDED, report=child(**figures))


def pending(name: str, series: str = "head_pruning") -> PointOutcome:
    """Return a point whose job still runs."""
    return PointOutcome(name, series, f"job_{name}", JobState.RUNNING)


def failed(name: str, series: str = "head_pruning") -> PointOutcome:
    """Return a point whose job failed."""
    error = {"code": "invalid_request", "message": "The rank does not pay."}
    return PointOutcome(name, series, f"job_{name}", JobState.FAILED, error=error)
