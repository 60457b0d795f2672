"""From a request and local folders to a compressed checkpoint and its report.

Pure: no bucket, no queue, no hub. ``run`` is the best introduction to the worker side; each stage is one call.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from transformers import PreTrainedModel

from jobs.batches import (
    Batch,
    Batches,
    ListBatches,
    held_out,
    longest_audio,
    longest_text,
    settled_input,
    synthetic_batch,
)
from jobs.checkpoint.export import export
from jobs.checkpoint.plan import Plan
from jobs.checkpoint.precision import store_as, stored_dtype
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.soundness import check_result, check_source
from jobs.checkpoint.verification import check_reload, write_verification
from jobs.checkpoint.writer import weight_bytes, write_artifact, write_card
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.budget import steps_for
from jobs.compression.cache import Cache
from jobs.compression.learning.checkpoints import Checkpoints
from jobs.compression.learning.schedule import Schedule
from jobs.compression.recovery import RecoveryOutcome, control, recover
from jobs.compression.target import reach
from jobs.compression.technique import Context, apply, registry
from jobs.contract.errors import NothingChangedError
from jobs.contract.report import Exported, Fidelity, Report, StepReport
from jobs.contract.spec import CompressionSpec, InputKind, InputSpec, Step, Storage, Target
from jobs.datasets import read_batches
from jobs.evaluation.fidelity import fidelity
from jobs.profiling.profile import Subject, profile_pair
from jobs.reporting import cautions, environment

JUDGING_BATCHES = 4
"""Batches that fidelity is measured on, at most; and as many at most decide what is kept of what is learnt."""

SHORT_INPUTS: Mapping[InputKind, InputSpec] = {
    "text": InputSpec("text", tokens=32),
    "audio": InputSpec("audio", seconds=1.0),
    "image": InputSpec("image"),
}
"""Small inputs: enough to verify a reload and, without data, to compare two models."""


class StageProgress(Protocol):
    """Hears how far a job is; raises ``CancelledError`` to stop it between two units of work."""

    def __call__(self, stage: str, step: int, steps: int, message: str = "") -> None:
        """Report that *step* of *steps* of *stage* is done."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a job reads and writes on the local disk.

    Attributes:
        source: the dense model.
        out: the artifact.
        data: what the steps may learn from.
        origin: where the source came from: its uri, revision and sha256.
        cache: keeps what is measured on the source with the data, for the next job on both; None keeps nothing.
        checkpoints: from the name of a training to where it keeps snapshots and looks for one; None for nowhere.
    """

    source: Path
    out: Path
    data: Path | None = None
    origin: Mapping[str, str | None] = field(default_factory=dict)
    cache: Cache | None = None
    checkpoints: Callable[[str], Checkpoints | None] = lambda name: None


@dataclass(frozen=True, slots=True)
class _Judging:
    batches: Batches
    source: str
    deciding: Batches | None = None


@dataclass(slots=True)
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def run(spec: CompressionSpec, folders: Folders, progress: StageProgress) -> Report:
    """Write the compressed checkpoint into ``folders.out`` and return its report.

    Raises:
        InvalidRequestError: the model, the data or a step cannot be used; the message says why and what to do.
        VerificationError: the artifact, read back, gives another output; nothing of it may be published.
        CancelledError: *progress* said so.
    """
    clock = _Clock()
    with clock.stage("load"):
        progress("load", 0, 1)
        dense = load_model(folders.source)
        anatomy = anatomy_of(dense)
        check_source(dense, lambda: _short_batch(dense, anatomy))
        for each in spec.profile.inputs:  # measured last, but refused first
            settled_input(anatomy.modality, dense.config, each)
        batches, judging = _batches(spec, folders, dense, anatomy)
        steps, last_steps = _ordered(spec.steps or _planned(spec, dense, anatomy, batches))
    with clock.stage("compress"):
        probe, chance = _short_batch(dense, anatomy), torch.Generator()
        context = Context(anatomy, batches, chance, _within("compress", progress), probe, deciding=judging.deciding)
        untouched = replace(context, cache=folders.cache)
        if steps or spec.target is None:
            model, step_reports = _compress(steps, deepcopy(dense), untouched, folders, progress)
        else:
            model, step_reports = _reach(spec.target, deepcopy(dense), untouched, progress)
    with clock.stage("evaluate"):
        unrecovered = _fidelity(dense, model, judging, progress)
    with clock.stage("recover"):
        recovery = _recover(spec, dense, model, replace(context, checkpoints=folders.checkpoints("recovery")), progress)
        trained_too = _control(spec, dense, context, judging, progress)
    with clock.stage("export"):
        exports = _export(spec, model, anatomy, folders.out, progress)
    with clock.stage("compress"):
        model, last_reports = _compress(last_steps, model, context, folders, progress)
        if not last_steps:
            store_as(model, stored_dtype(folders.source))
    with clock.stage("evaluate"):
        closeness = _fidelity(dense, model, judging, progress)
    with clock.stage("write"):
        step_reports = (*step_reports, *last_reports)
        plan = _write(model, anatomy, step_reports, folders, progress, storage=spec.output.storage)
    with clock.stage("profile"):
        store_as(dense, stored_dtype(folders.source))
        subjects = (_subject(dense, anatomy, folders.source), _subject(model, anatomy, folders.out))
        within = _within("profile", progress)
        before, after, speedups = profile_pair(*subjects, spec.profile, modality=anatomy.modality, progress=within)
    report = Report(
        model={**folders.origin, "architecture": type(dense).__name__, "model_type": dense.config.model_type},
        steps=step_reports,
        door=plan.door,
        dense=before,
        compressed=after,
        speedup=speedups,
        fidelity=closeness,
        fidelity_before_recovery=unrecovered if recovery is not None else None,
        fidelity_control=trained_too,
        warnings=(*(recovery.notes if recovery is not None else ()), *cautions(closeness, before, after, speedups)),
        environment=environment(),
        seconds=clock.seconds,
        exports=exports,
    )
    write_card(folders.out, report.to_json(), plan)
    return report


def _batches(
    spec: CompressionSpec, folders: Folders, dense: PreTrainedModel, anatomy: Anatomy
) -> tuple[Batches | None, _Judging]:
    """Return what the steps may learn from, and what they are judged by and never see."""
    if spec.data is None or folders.data is None:
        return None, _Judging(ListBatches([_short_batch(dense, anatomy)]), "synthetic")
    everything = read_batches(
        folders.data, modality=anatomy.modality, model_dir=folders.source, samples=spec.data.samples
    )
    learning, judging = held_out(everything)
    if len(everything) == 1:
        return learning, _Judging(judging, "calibration")
    judged, deciding = (ListBatches(list(judging)[first::2][:JUDGING_BATCHES]) for first in (0, 1))
    return learning, _Judging(judged, "held_out", deciding)


def _planned(
    spec: CompressionSpec, dense: PreTrainedModel, anatomy: Anatomy, batches: Batches | None
) -> tuple[Step, ...]:
    """Return the steps that a target comes down to; none where data will tell what goes from where."""
    if spec.target is None:
        raise NothingChangedError("Expected steps or a target; got neither. Give one of them.")
    if batches is not None:
        return ()
    with anatomy.opened(dense):
        return steps_for(spec.target, dense, anatomy)


def _ordered(steps: Sequence[Step]) -> tuple[Sequence[Step], Sequence[Step]]:
    """Return the steps that come before recovery, and from the first that must be last those after it."""
    known = registry()
    early = tuple(takewhile(lambda step: not (step.technique in known and known[step.technique].is_last), steps))
    return early, steps[len(early) :]


def _compress(
    steps: Sequence[Step], model: PreTrainedModel, context: Context, folders: Folders, progress: StageProgress
) -> tuple[PreTrainedModel, tuple[StepReport, ...]]:
    if not steps:
        return model, ()
    reports = []
    for index, step in enumerate(steps):
        progress("compress", index, len(steps), step.technique)
        began = time.perf_counter()
        generator = torch.Generator().manual_seed(int(step.params.get("seed", 0)))
        within = _within(step.technique, progress)
        within(0, 1)
        checkpoints = folders.checkpoints(f"{index}-{step.technique}")
        outcome = apply(step, model, replace(context, rng=generator, progress=within, checkpoints=checkpoints))
        model, context = outcome.model, replace(context, cache=None)  # what it keeps is of the model as it came
        check_result(model, context.probe, step.technique)
        took = time.perf_counter() - began
        reports.append(StepReport(step.technique, dict(step.params), outcome.achieved, outcome.notes, took))
    progress("compress", len(steps), len(steps))
    return model, tuple(reports)


def _reach(
    target: Target, model: PreTrainedModel, context: Context, progress: StageProgress
) -> tuple[PreTrainedModel, tuple[StepReport, ...]]:
    began = time.perf_counter()
    within = _within("target", progress)
    outcome = reach(target, model, replace(context, rng=torch.Generator().manual_seed(0), progress=within))
    check_result(outcome.model, context.probe, "target")
    asked = {name: value for name, value in asdict(target).items() if value is not None}
    took = time.perf_counter() - began
    return outcome.model, (StepReport("target", asked, outcome.achieved, outcome.notes, took),)


def _recover(
    spec: CompressionSpec, dense: PreTrainedModel, model: PreTrainedModel, context: Context, progress: StageProgress
) -> RecoveryOutcome | None:
    if spec.recovery is None:
        return None
    within = _within("recover", progress)
    within(0, spec.recovery.steps)
    return recover(
        model,
        dense,
        context.data(),
        Schedule.of(spec.recovery),
        within,
        deciding=context.deciding,
        checkpoints=context.checkpoints,
    )


def _control(
    spec: CompressionSpec, dense: PreTrainedModel, context: Context, judging: _Judging, progress: StageProgress
) -> Fidelity | None:
    if spec.recovery is None or not spec.recovery.control:
        return None
    trained = control(dense, context.data(), Schedule.of(spec.recovery), _within("control", progress))
    return _fidelity(dense, trained, judging, progress)


def _fidelity(dense: nn.Module, model: nn.Module, judging: _Judging, progress: StageProgress) -> Fidelity:
    progress("evaluate", 0, 1)
    return fidelity(dense, model, judging.batches, source=judging.source)


def _write(
    model: PreTrainedModel,
    anatomy: Anatomy,
    steps: Sequence[StepReport],
    folders: Folders,
    progress: StageProgress,
    *,
    storage: Storage,
) -> Plan:
    progress("write", 0, 2)
    details = {"origin": dict(folders.origin), "steps": [asdict(step) for step in steps]}
    plan = write_artifact(model, source=folders.source, out=folders.out, details=details, storage=storage)
    write_verification(model, _short_batch(model, anatomy), folders.out)
    progress("write", 1, 2, "reading the artifact back")
    check_reload(folders.out)
    return plan


def _export(
    spec: CompressionSpec, model: PreTrainedModel, anatomy: Anatomy, out: Path, progress: StageProgress
) -> tuple[Exported, ...]:
    wanted = [each for each in spec.output.formats if each != "safetensors"]
    if not wanted:
        return ()
    progress("export", 0, 1, ", ".join(wanted))
    return export(model, wanted, anatomy.modality, out)


def _short_batch(model: nn.Module, anatomy: Anatomy) -> Batch:
    wanted = SHORT_INPUTS[anatomy.modality]
    if wanted.tokens is not None:
        wanted = replace(wanted, tokens=min(wanted.tokens, longest_text(model.config)))
    if wanted.seconds is not None:
        wanted = replace(wanted, seconds=min(wanted.seconds, longest_audio(model.config)))
    return synthetic_batch(anatomy.modality, model.config, wanted)


def _subject(model: nn.Module, anatomy: Anatomy, folder: Path) -> Subject:
    return Subject(model=model, encoder=anatomy.encoder(model), bytes_stored=weight_bytes(folder))


def _within(stage: str, progress: StageProgress) -> Any:
    """Return *progress* for the parts of one stage: ``(done, total, note)``."""

    def report(done: int, total: int, note: str = "") -> None:
        progress(stage, done, total, note)

    return report
