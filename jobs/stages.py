"""The stages of a job, one method each; ``jobs.pipeline`` puts them in their order.

Pure: no bucket, no queue, no hub.
"""

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.batches import Batches
from jobs.checkpoint.export import export
from jobs.checkpoint.plan import Plan
from jobs.checkpoint.precision import store_as, stored_dtype
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.soundness import check_result, check_source
from jobs.checkpoint.verification import check_reload, write_verification
from jobs.checkpoint.writer import weight_bytes, write_artifact
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.budget import steps_for
from jobs.compression.learning.schedule import Schedule
from jobs.compression.recovery import RecoveryOutcome, control, recover
from jobs.compression.target import reach
from jobs.compression.technique import Context, apply, registry
from jobs.contract.errors import NothingChangedError
from jobs.contract.quality import Score
from jobs.contract.report import Exported, Profile, StepReport
from jobs.contract.spec import CompressionSpec, Step, Target
from jobs.contract.timing import RuntimeFigures, Speedup
from jobs.datasets import read_batches
from jobs.evaluation.fidelity import fidelity
from jobs.evaluation.probes import Probes
from jobs.inputs import settled_input
from jobs.judging import Judgement, Judging, divided, paired, short_batch, synthetic
from jobs.profiling.profile import Subject, inputs_of, profile_pair
from jobs.profiling.runtimes import figures_of_pair, time_runtimes
from jobs.resuming import Resuming, StartingOver, Stepped
from jobs.workplace import Folders, StageProgress, of_stage


@dataclass(frozen=True, slots=True)
class Stages:
    """A request at work: what it asks for, where, and the dense model as it was opened.

    Attributes:
        spec: the request.
        folders: where to read and write.
        progress: is told how far each stage is.
        dense: never changed but in its number format, at the very end.
        context: what techniques are given.
        judging: what the result is judged by.
    """

    spec: CompressionSpec
    folders: Folders
    progress: StageProgress
    dense: PreTrainedModel
    context: Context
    judging: Judging

    @classmethod
    def load(cls, spec: CompressionSpec, folders: Folders, progress: StageProgress) -> "Stages":
        """Open the model and the data, and refuse now what would fail later."""
        progress("load", 0, 1)
        dense = load_model(folders.source)
        anatomy = anatomy_of(dense)
        check_source(dense, lambda: short_batch(dense, anatomy))
        for each in spec.profile.inputs:  # measured last
            settled_input(anatomy.modality, dense.config, each)
        probe, batches = short_batch(dense, anatomy), _read(spec, folders, anatomy)
        learning, judging = (None, synthetic(probe)) if batches is None else divided(batches)
        heard = of_stage("compress", progress)
        context = Context(anatomy, learning, torch.Generator(), heard, probe, deciding=judging.deciding)
        return cls(spec, folders, progress, dense, context, judging)

    @property
    def anatomy(self) -> Anatomy:
        """Return the anatomy of the dense model."""
        return self.context.anatomy

    def steps(self) -> tuple[Sequence[Step], Sequence[Step]]:
        """Return the steps before recovery, and from the first that must be last those after it.

        With a target and data both are empty: ``reach`` finds out what goes from where.
        """
        steps, known = self.spec.steps or self._planned(), registry()
        early = tuple(takewhile(lambda step: not (step.technique in known and known[step.technique].is_last), steps))
        return early, steps[len(early) :]

    def compress(self, steps: Sequence[Step], *, refit: bool = True) -> tuple[PreTrainedModel, tuple[StepReport, ...]]:
        """Return a copy of the dense model after *steps* or at the target, where *refit* counts, and what was done.

        What an earlier attempt has done is not done again.
        """
        untouched = replace(self.context, cache=self.folders.cache)
        earlier, resuming = self.folders.resuming.latest(), self.folders.resuming
        if steps or self.spec.target is None:
            return self.apply(steps, earlier or (deepcopy(self.dense), ()), untouched, resuming)
        if earlier is None:
            earlier = self._reach(self.spec.target, deepcopy(self.dense), untouched, refit=refit)
            resuming.save(*earlier)
        return earlier

    def apply(
        self, steps: Sequence[Step], earlier: Stepped, context: Context, resuming: Resuming
    ) -> tuple[PreTrainedModel, tuple[StepReport, ...]]:
        """Return the model after *steps*, each tried out, and what they did; *earlier* went through some of them."""
        model, reports = earlier
        for index, step in list(enumerate(steps))[len(reports) :]:
            self.progress("compress", index, len(steps), step.technique)
            began = time.perf_counter()
            if reports:
                context = replace(context, cache=None)  # what it keeps is of the model as it came
            outcome = apply(step, model, self._for(step, index, context))
            model = outcome.model
            check_result(model, context.probe, step.technique)
            took = time.perf_counter() - began
            reports += (StepReport(step.technique, dict(step.params), outcome.achieved, outcome.notes, took),)
            resuming.save(model, reports)
        self.progress("compress", len(steps), max(len(steps), 1))
        return model, reports

    def recover(self, model: PreTrainedModel) -> RecoveryOutcome | None:
        """Teach *model*, in place, to imitate the dense one, if that was asked for."""
        if self.spec.recovery is None:
            return None
        within = of_stage("recover", self.progress)
        within(0, self.spec.recovery.steps)
        return recover(
            model,
            self.dense,
            self.context.data(),
            Schedule.of(self.spec.recovery),
            within,
            deciding=self.context.deciding,
            checkpoints=self.folders.resuming.training("recovery"),
        )

    def control(self, probes: Probes) -> Judgement | None:
        """Return what a dense model that is taught as long is worth, if that was asked for."""
        if self.spec.recovery is None or not self.spec.recovery.control:
            return None
        within = of_stage("control", self.progress)
        schedule, kept = Schedule.of(self.spec.recovery), self.folders.resuming.training("control")
        return self.judge(control(self.dense, self.context.data(), schedule, within, checkpoints=kept), probes)

    def probes(self) -> Probes:
        """Return the probes that were asked for, their data read."""
        folders, modality = self.folders, self.anatomy.modality
        return Probes.open(self.spec.evaluate, folders.labelled, modality=modality, model_dir=folders.source)

    def scores(self, model: PreTrainedModel, probes: Probes) -> tuple[Score, ...]:
        """Return what *probes* find of *model*."""
        return probes.scores(model, self.anatomy.encoder(model), of_stage("evaluate", self.progress))

    def judge(self, model: PreTrainedModel, probes: Probes, steps: Sequence[StepReport] = ()) -> Judgement:
        """Return how close *model* is to the dense one, that *steps* made it of, and what *probes* find of it."""
        self.progress("evaluate", 0, 1)
        layers = paired(self.anatomy, self.dense, model, [step.achieved for step in steps])
        judging = self.judging
        closeness = fidelity(self.dense, model, judging.batches, source=judging.source, pairing=layers)
        return Judgement(closeness, self.scores(model, probes))

    def export(self, model: PreTrainedModel) -> tuple[Exported, ...]:
        """Write *model* for the other runtimes that were asked for."""
        wanted = [each for each in self.spec.output.formats if each != "safetensors"]
        if not wanted:
            return ()
        self.progress("export", 0, 1, ", ".join(wanted))
        return export(model, wanted, self.anatomy.modality, self.folders.out)

    def finish(self, steps: Sequence[Step], model: PreTrainedModel) -> tuple[PreTrainedModel, tuple[StepReport, ...]]:
        """Return *model* after the last *steps*; without any it gets the number format of the source's file."""
        if steps:
            return self.apply(steps, (model, ()), self.context, StartingOver())
        store_as(model, stored_dtype(self.folders.source))
        return model, ()

    def write(self, model: PreTrainedModel, steps: Sequence[StepReport]) -> Plan:
        """Write the artifact and read it back.

        Raises:
            VerificationError: what was read gives another output.
        """
        self.progress("write", 0, 2)
        folders = self.folders
        details = {"origin": dict(folders.origin), "steps": [asdict(step) for step in steps]}
        storage = self.spec.output.storage
        plan = write_artifact(model, source=folders.source, out=folders.out, details=details, storage=storage)
        write_verification(model, short_batch(model, self.anatomy), folders.out)
        self.progress("write", 1, 2, "reading the artifact back")
        check_reload(folders.out)
        return plan

    def profile(self, model: PreTrainedModel) -> tuple[Profile, Profile, tuple[Speedup, ...]]:
        """Return the figures of the dense model and of *model*, both in the format they are stored in."""
        store_as(self.dense, stored_dtype(self.folders.source))
        dense, compressed = self._subject(self.dense, self.folders.source), self._subject(model, self.folders.out)
        within, modality, quiet = of_stage("profile", self.progress), self.anatomy.modality, self.folders.quiet
        return profile_pair(dense, compressed, self.spec.profile, modality=modality, progress=within, quiet=quiet)

    def runtimes(self, model: PreTrainedModel) -> tuple[tuple[RuntimeFigures, ...], tuple[str, ...]]:
        """Return both models' times under the further runtimes that were asked for, and why some are missing."""
        asked, modality, folders = self.spec.profile, self.anatomy.modality, self.folders
        models, inputs = (self.dense, model), inputs_of(asked, modality, self.dense.config)
        told, scratch = of_stage("runtimes", self.progress), folders.out.parent
        timed, notes = time_runtimes(
            models, asked, inputs, modality=modality, scratch=scratch, progress=told, quiet=folders.quiet
        )
        return tuple(figures_of_pair(each) for each in timed), notes

    def _planned(self) -> tuple[Step, ...]:
        if self.spec.target is None:
            raise NothingChangedError("Expected steps or a target; got neither. Give one of them.")
        if self.context.batches is not None:
            return ()
        with self.anatomy.opened(self.dense):
            return steps_for(self.spec.target, self.dense, self.anatomy)

    def _for(self, step: Step, index: int, context: Context) -> Context:
        """Return *context* as one step gets it."""
        chance = torch.Generator().manual_seed(int(step.params.get("seed", 0)))
        within = of_stage(step.technique, self.progress)
        within(0, 1)
        checkpoints = self.folders.resuming.training(f"{index}-{step.technique}")
        return replace(context, rng=chance, progress=within, checkpoints=checkpoints)

    def _reach(
        self, target: Target, model: PreTrainedModel, context: Context, *, refit: bool
    ) -> tuple[PreTrainedModel, tuple[StepReport, ...]]:
        began = time.perf_counter()
        heard = replace(context, rng=torch.Generator().manual_seed(0), progress=of_stage("target", self.progress))
        outcome = reach(target, model, heard, refit=refit)
        check_result(outcome.model, context.probe, "target")
        asked = {name: value for name, value in asdict(target).items() if value is not None}
        took = time.perf_counter() - began
        return outcome.model, (StepReport("target", asked, outcome.achieved, outcome.notes, took),)

    def _subject(self, model: nn.Module, folder: Path) -> Subject:
        return Subject(model=model, encoder=self.anatomy.encoder(model), bytes_stored=weight_bytes(folder))


def _read(spec: CompressionSpec, folders: Folders, anatomy: Anatomy) -> Batches | None:
    if spec.data is None or folders.data is None:
        return None
    return read_batches(folders.data, modality=anatomy.modality, model_dir=folders.source, samples=spec.data.samples)
