"""What a caller gets back: figures with their units in their names.

1 MAC is one multiply-accumulate of a matrix-like operation (linear, convolution, attention); element-wise work is not
counted. ``*_executed`` is what dense kernels do, ``*_theoretical`` leaves out products with a stored zero.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from jobs.contract.quality import Fidelity, ProbeReport, ProbeScore
from jobs.contract.spec import InputSpec, Json, OutputFormat
from jobs.contract.timing import Latency, RuntimeFigures, RuntimeProfile, Speedup

REPORT_SCHEMA: Literal["modelpress/report/v1"] = "modelpress/report/v1"
PLAN_SCHEMA: Literal["modelpress/plan/v1"] = "modelpress/plan/v1"
PROFILE_SCHEMA: Literal["modelpress/profile/v1"] = "modelpress/profile/v1"
MANIFEST_SCHEMA = "modelpress/manifest/v1"


@dataclass(frozen=True, slots=True)
class InputProfile:
    """Figures that depend on the input.

    Attributes:
        input: the input measured.
        macs_executed: MACs of one forward pass of the whole batch.
        macs_theoretical: the same without products with stored zeros.
        uncounted_ops: operations with no formula, and how often they ran; empty when the count is complete.
        latency_ms: wall-clock; None for an input that is not timed, or a model that went by layers from disk to disk.
        real_time_factor: seconds of compute per second of audio; None for other inputs, and without a wall-clock.
        macs_per_second: MACs executed per second of audio; None for other inputs.
    """

    input: InputSpec
    macs_executed: int
    macs_theoretical: int
    uncounted_ops: Mapping[str, int]
    latency_ms: Latency | None
    real_time_factor: float | None = None
    macs_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Figures of one model."""

    params_total: int
    params_nonzero: int
    params_encoder: int
    params_encoder_nonzero: int
    bytes_stored: int
    peak_memory_bytes: int
    inputs: tuple[InputProfile, ...]


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step was asked for and what it did."""

    technique: str
    requested: Mapping[str, Any]
    achieved: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exported:
    """The same model in a file for another runtime.

    Attributes:
        format: its kind, as it was asked for.
        path: its name in the artifact.
        bytes_stored: its size, with the weights that lie beside an ONNX graph of over 2 GB.
        relative_error: of its output, against the safetensors model's on the same input: |difference| / |output|.
    """

    format: OutputFormat
    path: str
    bytes_stored: int
    relative_error: float


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer to a request.

    Attributes:
        model: uri, revision, sha256, architecture, model_type of the source.
        door: ``native`` (plain ``from_pretrained``) or ``modelpress`` (the reload code beside the weights).
        dense: figures of the source.
        compressed: figures of the result.
        speedup: one for each input that was timed.
        fidelity: closeness to the source, before and after recovery.
        fidelity_control: that of the source itself after the steps of the recovery, where asked for.
        quality: what the probes found that were asked for.
        opens_with: the Auto class of transformers that opens the result.
        environment: versions and machine.
        seconds: wall-clock of each stage [s].
        exports: the files for other runtimes that were asked for.
        runtimes: both models timed under the further runtimes that were asked for, on each input that is timed.
        schema: what this document is.
    """

    model: Mapping[str, Any]
    steps: tuple[StepReport, ...]
    door: str
    dense: Profile
    compressed: Profile
    speedup: tuple[Speedup, ...]
    fidelity: Fidelity
    fidelity_before_recovery: Fidelity | None
    warnings: tuple[str, ...]
    environment: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)
    exports: tuple[Exported, ...] = ()
    runtimes: tuple[RuntimeFigures, ...] = ()
    fidelity_control: Fidelity | None = None
    quality: tuple[ProbeReport, ...] = ()
    opens_with: str = "AutoModel"
    schema: Literal["modelpress/report/v1"] = REPORT_SCHEMA

    def to_json(self) -> Json:
        """Return the report as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class InputForecast:
    """What a forward pass on one input will multiply.

    Attributes:
        input: the input.
        macs_executed: MACs of one forward pass of the whole batch.
        uncounted_ops: operations with no formula, and how often they run; empty when the count is complete.
    """

    input: InputSpec
    macs_executed: int
    uncounted_ops: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The figures of one model that nothing has to be timed for: a part of its profile, under the same names."""

    params_total: int
    params_encoder: int
    bytes_stored: int
    inputs: tuple[InputForecast, ...]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What a compression would do, from a dry run.

    Attributes:
        model: uri, revision, sha256, architecture, model_type of the source.
        steps: what each would be asked for and achieve; seconds are those of the dry run.
        door: how the result would open, as in a report.
        dense: figures of the source.
        compressed: figures of the result, as the compression's report would give them.
        exact: whether the compression gives these very figures; where not, warnings say why.
        environment: versions and machine.
        seconds: wall-clock of each stage [s].
        schema: what this document is.
    """

    model: Mapping[str, Any]
    steps: tuple[StepReport, ...]
    door: str
    dense: Forecast
    compressed: Forecast
    exact: bool
    warnings: tuple[str, ...]
    environment: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)
    schema: Literal["modelpress/plan/v1"] = PLAN_SCHEMA

    def to_json(self) -> Json:
        """Return the report as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ModuleProfile:
    """What one module of a model adds to its figures, with the modules within it.

    Attributes:
        path: its place in the model; empty for the model itself.
        type: its class.
        params_total: its parameters, a shared one once.
        macs_executed: MACs in one forward pass of the whole batch.
        macs_theoretical: the same without products with stored zeros.
        latency_ms: median wall-clock in one pass, with what reading the clock for every module costs [ms];
            None where the input is not timed.
    """

    path: str
    type: str
    params_total: int
    macs_executed: int
    macs_theoretical: int
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """The figures of a model as it is.

    Attributes:
        model: uri, revision, sha256, architecture, model_type of the source.
        profile: its figures.
        modules: where they come from, on the first input; a module before those within it.
        warnings: what the figures do not say.
        environment: versions and machine.
        seconds: wall-clock of each stage [s].
        runtimes: the model timed under the further runtimes that were asked for, on each input that is timed.
        quality: what the probes found that were asked for.
        schema: what this document is.
    """

    model: Mapping[str, Any]
    profile: Profile
    modules: tuple[ModuleProfile, ...]
    warnings: tuple[str, ...]
    environment: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)
    runtimes: tuple[RuntimeProfile, ...] = ()
    quality: tuple[ProbeScore, ...] = ()
    schema: Literal["modelpress/profile/v1"] = PROFILE_SCHEMA

    def to_json(self) -> Json:
        """Return the report as plain JSON values."""
        return asdict(self)
