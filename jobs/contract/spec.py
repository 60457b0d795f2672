"""What a caller asks for: the compression request as frozen values.

``CompressionSpec.from_json`` trusts its input to have passed the published schema; what only a worker can know
(does the bucket exist, does the rank pay) is checked there.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, TypeVar

from jobs.contract.probes import ProbeSpec, probe_from_json

Json = dict[str, Any]
T = TypeVar("T")
InputKind = Literal["text", "audio", "image"]
InputPreset = Literal["superb"]
TargetMetric = Literal["params", "macs", "bytes", "latency"]
TargetScope = Literal["encoder", "model"]
OutputFormat = Literal["safetensors", "onnx", "onnx_int8", "pt2"]
Storage = Literal["dense", "bitmask"]
Runtime = Literal["eager", "torch_compile", "onnxruntime"]

DEFAULT_SAMPLES = 256
DEFAULT_LEARNING_RATE = 1e-3
LEARNING_BATCH: Mapping[InputKind, int] = {"text": 128, "audio": 16, "image": 32}
"""Sequences that a step learns from unless said: those of audio are the longest by far."""
LEARNING_BATCH_SAID = "Sequences that a step learns from; if left out, " + ", ".join(
    f"{count} of {kind}" for kind, count in LEARNING_BATCH.items()
)
DEFAULT_CHECKPOINT_EVERY = 100
DEFAULT_REPEATS = 20
DEFAULT_THREADS = 1
DEFAULT_QUEUE_TIMEOUT_S = 86_400
DEFAULT_RUN_TIMEOUT_S = 21_600


def canonical_json(document: Any) -> bytes:
    """Return the one byte form of *document*: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of *data* in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Where the dense model is."""

    uri: str


@dataclass(frozen=True, slots=True)
class Step:
    """One technique with its parameters."""

    technique: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the step that *document* ``{technique, **params}`` describes."""
        return cls(document["technique"], {key: value for key, value in document.items() if key != "technique"})

    def to_json(self) -> Json:
        """Return ``{technique, **params}``."""
        return {"technique": self.technique, **self.params}


@dataclass(frozen=True, slots=True)
class Target:
    """A budget instead of steps: exactly one of *ratio* (share kept) and *max* (absolute) is set.

    Parameters, MACs and latency [µs] are of the scope, the latter two for one typical input; bytes are of the weights.
    """

    metric: TargetMetric
    ratio: float | None = None
    max: int | None = None
    scope: TargetScope = "model"


@dataclass(frozen=True, slots=True)
class DataRef:
    """Unlabelled data for calibration, distillation and fidelity."""

    uri: str
    samples: int = DEFAULT_SAMPLES


@dataclass(frozen=True, slots=True)
class RecoverySpec:
    """Label-free self-distillation to the dense model after the last step.

    Attributes:
        steps: at most so many; fewer when nothing more is gained.
        learning_rate: its peak.
        batch_size: sequences that a step learns from; by the kind of data if left out.
        seed: decides the order of the batches.
        max_seconds: learning ends after so long; the same request may then give other weights.
        checkpoint_every: steps between two snapshots to resume from.
        control: whether the dense model, put through the same steps, is reported beside the result.
    """

    steps: int
    learning_rate: float = DEFAULT_LEARNING_RATE
    batch_size: int | None = None
    seed: int = 0
    max_seconds: float | None = None
    checkpoint_every: int = DEFAULT_CHECKPOINT_EVERY
    control: bool = False


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances.

    Without *timed* operations and memory are counted, and no clock is read.
    """

    kind: InputKind
    batch_size: int = 1
    preset: InputPreset | None = None
    seconds: float | None = None
    tokens: int | None = None
    pixels: int | None = None
    timed: bool = True


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """How to measure: on which inputs (empty: one typical input), with how many threads, how often, under what.

    ``eager``, which is plain PyTorch, is among the runtimes whether it is named or not.
    """

    inputs: tuple[InputSpec, ...] = ()
    threads: int = DEFAULT_THREADS
    repeats: int = DEFAULT_REPEATS
    runtimes: tuple[Runtime, ...] = ("eager",)


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What the artifact holds: the safetensors folder always, and the same model for other runtimes as asked."""

    formats: tuple[OutputFormat, ...] = ("safetensors",)
    storage: Storage = "dense"


@dataclass(frozen=True, slots=True)
class Limits:
    """When to give up."""

    queue_timeout_s: int = DEFAULT_QUEUE_TIMEOUT_S
    run_timeout_s: int = DEFAULT_RUN_TIMEOUT_S

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the limits of *document*, defaults filled in; those that only a newer release knows are overlooked."""
        return cls(**{each.name: document[each.name] for each in fields(cls) if each.name in document})


@dataclass(frozen=True, slots=True)
class CompressionSpec:
    """A whole request: exactly one of *steps* and *target* is given."""

    model: ModelRef
    steps: tuple[Step, ...] = ()
    target: Target | None = None
    data: DataRef | None = None
    recovery: RecoverySpec | None = None
    profile: ProfileSpec = field(default_factory=ProfileSpec)
    evaluate: tuple[ProbeSpec, ...] = ()
    output: OutputSpec = field(default_factory=OutputSpec)
    limits: Limits = field(default_factory=Limits)
    labels: Mapping[str, str] = field(default_factory=dict)
    webhook: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the spec that the validated *document* describes."""
        return cls(
            model=ModelRef(**document["model"]),
            steps=tuple(Step.from_json(step) for step in document.get("steps", ())),
            target=_optional(Target, document.get("target")),
            data=_optional(DataRef, document.get("data")),
            recovery=_optional(RecoverySpec, document.get("recovery")),
            profile=_profile(document.get("profile") or {}),
            evaluate=tuple(probe_from_json(each) for each in document.get("evaluate") or ()),
            output=_output(document.get("output") or {}),
            limits=Limits.from_json(document.get("limits") or {}),
            labels=dict(document.get("labels") or {}),
            webhook=document.get("webhook"),
        )


def request_sha256(document: Mapping[str, Any]) -> str:
    """Return the hash that identifies a request, whatever the order of its keys."""
    return sha256_hex(canonical_json(document))


def _optional(kind: type[T], document: Mapping[str, Any] | None) -> T | None:
    return None if document is None else kind(**document)


def _profile(document: Mapping[str, Any]) -> ProfileSpec:
    inputs: Sequence[Mapping[str, Any]] = document.get("inputs") or ()
    runtimes = tuple(document.get("runtimes") or ProfileSpec().runtimes)
    given = {"inputs": tuple(InputSpec(**each) for each in inputs), "runtimes": runtimes}
    return ProfileSpec(**{**document, **given})


def _output(document: Mapping[str, Any]) -> OutputSpec:
    return OutputSpec(**{**document, "formats": tuple(document.get("formats") or OutputSpec().formats)})
