"""Reports as workers write them, with figures that are easy to tell apart."""

from typing import Any

from jobs.contract.quality import Fidelity, ProbeReport, Score
from jobs.contract.report import (
    Exported,
    Forecast,
    InputForecast,
    InputProfile,
    Latency,
    ModuleProfile,
    PlanReport,
    Profile,
    ProfileReport,
    Report,
    Speedup,
    StepReport,
)
from jobs.contract.spec import InputSpec

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


def compression(**changes: Any) -> Json:
    """Return the report of a compression by half, with a speed-up."""
    values: Json = {
        "model": MODEL,
        "steps": (STEP,),
        "door": "modelpress",
        "dense": profile(94_000_000, 400.0),
        "compressed": profile(47_000_000, 250.0),
        "speedup": (Speedup(SECONDS, 1.6, 1.5, 1.7, conclusive=True),),
        "fidelity": Fidelity(0.98, 0.2, 64, "held_out"),
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
    return ProfileReport(MODEL, profile(94_000_000, 400.0), modules, (), ENVIRONMENT).to_json()
