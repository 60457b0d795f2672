"""A job on a model too large to hold: the stages of ``jobs.pipeline``, with one layer in memory at a time.

A request goes this way where its model is large and nothing that it asks for takes the whole model. The artifact, the
report and the plan are those of ``jobs.pipeline`` and ``jobs.planning``, but for what only a model in memory can tell:
nothing is timed.

Cost: each byte of both models is read about ten times; memory for the largest layer, and for what its steps need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from jobs.batches import Batch
from jobs.checkpoint.fitting import BUILD_ERRORS
from jobs.checkpoint.precision import store_as
from jobs.checkpoint.soundness import first_unfinite, unfinite_source
from jobs.checkpoint.verification import outputs_of
from jobs.checkpoint.writer import opens_with, weight_bytes, write_card
from jobs.compression.allocator import give_back_at_once
from jobs.compression.layered import Layered
from jobs.compression.streamable import check_streamable
from jobs.compression.streaming import Streamed, stream
from jobs.contract.errors import NotApplicableError, UnsupportedModelError
from jobs.contract.probes import labelled
from jobs.contract.quality import Fidelity
from jobs.contract.report import Forecast, InputForecast, PlanReport, Profile, Report, StepReport
from jobs.contract.spec import CompressionSpec, Json
from jobs.evaluation.fidelity import fidelity
from jobs.inputs import settled_input
from jobs.judging import short_batch, synthetic
from jobs.profiling.profile import Input, Subject, inputs_of, profile_untimed
from jobs.reporting import cautions, environment
from jobs.workplace import Clock, Folders, StageProgress


@dataclass(frozen=True, slots=True)
class StreamedJob:
    """A request that can be met layer by layer.

    Attributes:
        spec: the request.
        folders: where to read and write.
        progress: is told how far each stage is.
        clock: knows how long each stage took.
        dense: the model as it came.
        nonzero: how many numbers of each of its parameters are not zero.
        probe: a short batch.
    """

    spec: CompressionSpec
    folders: Folders
    progress: StageProgress
    clock: Clock
    dense: Layered
    nonzero: Mapping[str, int]
    probe: Batch

    @classmethod
    def load(
        cls, spec: CompressionSpec, folders: Folders, progress: StageProgress, *, above: int
    ) -> "StreamedJob | None":
        """Return the job if its weights are more than *above* bytes and can be had by layers; None for any other.

        Raises:
            InvalidRequestError: the model or a step cannot be used at all.
            CancelledError: *progress* said so.
        """
        if weight_bytes(folders.source) <= above:
            return None
        try:
            _check_request(spec)
            return cls._open(spec, folders, progress)
        except (NotApplicableError, UnsupportedModelError) as why:
            progress("load", 0, 1, f"held in memory as a whole: {why}")
            return None

    @classmethod
    def _open(cls, spec: CompressionSpec, folders: Folders, progress: StageProgress) -> "StreamedJob":
        give_back_at_once()
        clock = Clock()
        with clock.stage("load"):
            progress("load", 0, 2, "by layers")
            dense = Layered.on(folders.source)
            dense.check_apart()
            for each in spec.profile.inputs:
                settled_input(dense.anatomy.modality, dense.model.config, each)
            probe, nonzero = short_batch(dense.model, dense.anatomy), dense.hollow.nonzero()
            progress("load", 1, 2, "trying the model")
            _check_source(dense, probe)
        return cls(spec, folders, progress, clock, dense, nonzero, probe)

    def run(self) -> Report:
        """Write the compressed checkpoint into ``folders.out`` and return its report.

        Raises:
            InvalidRequestError: a step cannot be used; the message says why and what to do.
            VerificationError: the artifact, read back, gives another output; nothing of it may be published.
            CancelledError: *progress* said so.
        """
        out = self.folders.out
        with self.clock.stage("compress"):
            done = self._compress(out)
        result = Layered.on(out)
        with self.clock.stage("evaluate"):
            closeness = self._fidelity(result)
        with self.clock.stage("profile"):
            before, after = self._figures(result, out)
        report = Report(
            model=self._model(),
            steps=done.steps,
            door=done.plan.door,
            dense=before,
            compressed=after,
            speedup=(),
            fidelity=closeness,
            fidelity_before_recovery=None,
            warnings=tuple(cautions(closeness, before, after, ())),
            environment=environment(),
            opens_with=opens_with(out),
            seconds=self.clock.seconds,
        )
        write_card(out, report.to_json(), done.plan)
        return report

    def plan(self) -> PlanReport:
        """Return what ``run``, whose errors it raises, would give; ``folders.out`` is as empty afterwards as before."""
        with TemporaryDirectory(dir=self.folders.out) as folder:
            out = Path(folder)
            with self.clock.stage("compress"):
                done = self._compress(out)
            with self.clock.stage("profile"):
                before, after = self._figures(Layered.on(out), out)
        return PlanReport(
            model=self._model(),
            steps=done.steps,
            door=done.plan.door,
            dense=_forecast(before),
            compressed=_forecast(after),
            exact=True,
            warnings=(),
            environment=environment(),
            seconds=self.clock.seconds,
        )

    def _compress(self, out: Path) -> Streamed:
        return stream(
            self.spec.steps,
            self.folders.source,
            out,
            make_probe=short_batch,
            progress=partial(self.progress, "compress"),
            details=self._details,
        )

    def _details(self, steps: Sequence[StepReport]) -> Json:
        return {"origin": dict(self.folders.origin), "steps": [asdict(step) for step in steps]}

    def _fidelity(self, result: Layered) -> Fidelity:
        """Return how close *result* is to the dense model, which computes in single precision."""
        self.progress("evaluate", 0, 1)
        judging = synthetic(self.probe)
        with self.dense.passing(torch.float32), result.passing():
            return fidelity(self.dense.model, result.model, judging.batches, source=judging.source)

    def _figures(self, result: Layered, out: Path) -> tuple[Profile, Profile]:
        """Return the figures of the dense model and of *result*, both in the format they are stored in."""
        modality, config = self.dense.anatomy.modality, self.dense.model.config
        inputs = inputs_of(self.spec.profile, modality, config)
        self.progress("profile", 0, 2, "the dense model")
        before = _profile(self.dense, self.nonzero, self.folders.source, inputs)
        self.progress("profile", 1, 2, "the result")
        return before, _profile(result, result.hollow.nonzero(), out, inputs)

    def _model(self) -> Json:
        model = self.dense.model
        return {**self.folders.origin, "architecture": type(model).__name__, "model_type": model.config.model_type}


def _check_request(spec: CompressionSpec) -> None:
    """Raise ``NotApplicableError`` if *spec* asks for what takes the whole model."""
    asked = {
        "data": spec.data,
        "recovery": spec.recovery,
        "a target": spec.target,
        "probes": labelled(spec.evaluate),
        "a file for another runtime": set(spec.output.formats) - {"safetensors"},
        "another runtime": set(spec.profile.runtimes) - {"eager"},
        f"storage {spec.output.storage}": spec.output.storage != "dense",
    }
    for name, wanted in asked.items():
        if wanted:
            raise NotApplicableError(f"Expected a request that takes one layer at a time; it asks for {name}.")
    check_streamable(spec.steps)


def _check_source(dense: Layered, probe: Batch) -> None:
    """Run the model on *probe*, layer by layer.

    Raises:
        UnsupportedModelError: it does not compute so.
        CorruptCheckpointError: what comes out is not finite.
    """
    try:
        with dense.passing(torch.float32):
            wrong = first_unfinite(outputs_of(dense.model, probe))
    except BUILD_ERRORS as error:
        raise UnsupportedModelError(
            f"Expected a model that computes layer by layer; {type(dense.model).__name__} says: {str(error)[:500]}"
        ) from error
    if wrong:
        raise unfinite_source(wrong)


def _profile(layered: Layered, nonzero: Mapping[str, int], folder: Path, inputs: Sequence[Input]) -> Profile:
    encoder = layered.anatomy.encoder(layered.model)
    store_as(layered.model, layered.dtype)

    def count(part: nn.Module) -> int:
        prefix = f"{layered.stack}." if part is encoder else ""
        return sum(number for name, number in nonzero.items() if name.startswith(prefix))

    with layered.passing():
        return profile_untimed(Subject(layered.model, encoder, weight_bytes(folder), count), inputs)


def _forecast(profile: Profile) -> Forecast:
    inputs = (InputForecast(each.input, each.macs_executed, each.uncounted_ops) for each in profile.inputs)
    return Forecast(profile.params_total, profile.params_encoder, profile.bytes_stored, tuple(inputs))
