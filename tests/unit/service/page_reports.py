"""Reports as workers write them, with figures that are easy to tell apart."""

from typing import Any

from jobs.contract.landscape import Front, LandscapePoint, LandscapeReport, Measure
from jobs.contract.quality import Fidelity, LayerFidelity, ProbeReport, ProbeScore, Score
from jobs.contract.report import (
    Exported,
    Forecast,
    InputForecast,
    InputProfile,
    ModuleProfile,
    PlanReport,
    Profile,
    ProfileReport,
    Report,
    StepReport,
)
from jobs.contract.spec import InputSpec
from jobs.contract.timing import Latency, RuntimeFigures, RuntimeProfile, Speedup

Json = dict[str, Any]
SECONDS = InputSpec("audio", 1, seconds=10.0)
MODEL = {"uri": "s3://models/hubert", "revision": None, "sha256": "ab" * 32, "architecture": "HubertModel"}
ENVIRONMENT = {"python": "3.11.7", "machine": "x86_64", "logical_cpus": 2, "torch": "2.13.0"}
STEP = StepReport("head_pruning", {"heads_removed": 0.5}, {"heads_removed": 0.5, "kept": [6] * 12}, ("l1",), 1.25)


def profile(params: int, milliseconds: float) -> Profile:
    """Return the figures of a model of *params* parameters."""
    latency = Latency(milliseconds, 2.0, milliseconds - 1, 20, 1, "cpu", "float32")
    measured = InputProfile(SECONDS, 1000 * params, 900 * params, {}, latency, milliseconds / 10_000, 100.0 * params)
    return Profile(params, params - 5, params - 10, params - 15, 4 * params, 8 * params, (measured,))


def under_a_runtime() -> RuntimeFigures:
    """Return times under a runtime that is twice as quick."""
    latency = [Latency(each, 2.0, each - 1, 20, 1, "cpu", "float32") for each in (200.0, 125.0)]
    ratios = [Speedup(SECONDS, each, each - 0.1, each + 0.1, conclusive=True) for each in (1.6, 2.0, 3.2)]
    return RuntimeFigures("onnxruntime", SECONDS, *latency, *ratios, dense_prepared_s=9.0, compressed_prepared_s=8.0)


def compression(**changes: Any) -> Json:
    """Return the report of a compression by half, with a speed-up."""
    values: Json = {
        "model": MODEL,
        "steps": (STEP,),
        "door": "modelpress",
        "dense": profile(94_000_000, 400.0),
        "compressed": profile(47_000_000, 250.0),
        "speedup": (Speedup(SECONDS, 1.6, 1.5, 1.7, conclusive=True),),
        "fidelity": Fidelity(0.98, 0.2, 64, "held_out", (LayerFidelity(0, 1, 0.99, 0.995, 0.1),)),
        "fidelity_before_recovery": Fidelity(0.91, 0.41, 64, "held_out"),
        "warnings": ("MACs leave out operations without a formula: aten::odd.",),
        "environment": ENVIRONMENT,
        "seconds": {"fetch": 1.5, "compress": 75.0},
        "exports": (Exported("onnx", "model.onnx", 188_000_000, 1e-6),),
        "quality": (
            ProbeReport(
                probe="classification",
                label="speaker",
                metric="accuracy",
                better="higher",
                seeds=(0, 1),
                dense=Score(0.95, 0.9, 0.99, 200),
                compressed=Score(0.85, 0.8, 0.9, 200),
                protocol="A linear probe on the mean of the last hidden states.",
            ),
        ),
        "runtimes": (under_a_runtime(),),
        "opens_with": "AutoModelForCTC",
    }
    return Report(**values | changes).to_json()


def plan() -> Json:
    """Return the report of a plan whose result may differ."""
    forecasts = [Forecast(n, n, 4 * n, (InputForecast(SECONDS, 1000 * n, {}),)) for n in (94_000_000, 47_000_000)]
    return PlanReport(
        MODEL, (STEP,), "modelpress", *forecasts, exact=False, warnings=("By score.",), environment=ENVIRONMENT
    ).to_json()


def profiled() -> Json:
    """Return the report of a profile with two modules."""
    modules = (
        ModuleProfile("", "HubertModel", 94_000_000, 94_000_000_000, 94_000_000_000, 400.0),
        ModuleProfile("encoder.layers.0", "HubertLayer", 7_000_000, 7_000_000_000, 7_000_000_000, 30.5),
    )
    timed = under_a_runtime()
    runtimes = (RuntimeProfile(timed.runtime, timed.input, timed.dense, timed.gain, timed.dense_prepared_s),)
    figures = profile(94_000_000, 400.0)
    score = Score(0.95, 0.9, 0.99, 200)
    quality = (ProbeScore("classification", "speaker", "accuracy", "higher", (0,), score, "A linear probe."),)
    return ProfileReport(MODEL, figures, modules, (), ENVIRONMENT, runtimes=runtimes, quality=quality).to_json()


def landscape(*, complete: bool) -> Json:
    """Return the report of a landscape of a dense model, a point from before, one that failed and one to come."""
    measures = (
        Measure("latency_relative", "Wall-clock", "× dense", "cost", "lower", "Pairs in one run."),
        Measure("cosine", "Closeness", "", "quality", "higher", "Of the last hidden states."),
    )
    last = (
        {"state": "succeeded", "values": {"latency_relative": 0.5, "cosine": 0.8}} if complete else {"state": "running"}
    )
    points = (
        LandscapePoint("dense", "dense", None, "succeeded", False, {"latency_relative": 1.0, "cosine": 1.0}),
        LandscapePoint(
            "half the heads",
            "head_pruning",
            f"job_{'1' * 26}",
            "succeeded",
            True,
            {"latency_relative": 0.75, "cosine": 0.95},
            {"latency_relative": (0.7, 0.8)},
        ),
        LandscapePoint(
            "rank 600",
            "low_rank",
            f"job_{'2' * 26}",
            "failed",
            False,
            error={"code": "rank_does_not_pay", "message": "Rank 600 would make it larger."},
        ),
        LandscapePoint("half the weights <b>", "weight_pruning", f"job_{'3' * 26}", reused=False, **last),
    )
    return LandscapeReport(
        model=MODEL,
        complete=complete,
        measures=measures,
        points=points,
        fronts=(Front("latency_relative", "cosine", ("half the heads", "dense"), "half the heads"),),
        answers=("At 80 % of the time, half the heads keeps the most.",),
        warnings=("Zeros are multiplied.",),
        environments=(ENVIRONMENT,),
    ).to_json()
