"""The figures of a model as it is: nothing is changed, and nothing but the report is kept."""

from pathlib import Path

from transformers import PreTrainedModel

from jobs.checkpoint.precision import store_as, stored_dtype
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.soundness import check_source
from jobs.checkpoint.writer import weight_bytes
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.contract.report import ProfileReport
from jobs.contract.spec import CompressionSpec
from jobs.evaluation.probes import Probes
from jobs.judging import short_batch
from jobs.profiling.breakdown import breakdown
from jobs.profiling.latency import pinned_threads
from jobs.profiling.profile import Subject, inputs_of, profile_alone
from jobs.profiling.runtimes import figures_alone, time_runtimes
from jobs.reporting import disturbed, environment, of_family, uncounted
from jobs.workplace import Clock, Folders, StageProgress

BREAKDOWN_PASSES = 5


def run(spec: CompressionSpec, folders: Folders, progress: StageProgress) -> ProfileReport:
    """Return the figures of the model in ``folders.source``, of which *spec* says how to measure them.

    Raises:
        InvalidRequestError: the model or an input cannot be used.
        CancelledError: *progress* said so.
    """
    clock = Clock()
    with clock.stage("load"):
        progress("load", 0, 1)
        model, anatomy = _opened(folders.source)
        inputs = inputs_of(spec.profile, anatomy.modality, model.config)
    with clock.stage("evaluate"):
        probes = Probes.open(spec.evaluate, folders.labelled, modality=anatomy.modality, model_dir=folders.source)
        worth = probes.scores(model, anatomy.encoder(model), lambda *done: progress("evaluate", *done))
    with clock.stage("profile"):
        store_as(model, stored_dtype(folders.source))
        subject = Subject(model, anatomy.encoder(model), weight_bytes(folders.source))
        profile = profile_alone(
            subject, spec.profile, inputs, quiet=folders.quiet, progress=lambda *done: progress("profile", *done)
        )
        timed, missing = time_runtimes(
            (model,),
            spec.profile,
            inputs,
            modality=anatomy.modality,
            scratch=folders.out.parent,
            quiet=folders.quiet,
            progress=lambda *done: progress("runtimes", *done),
        )
    with clock.stage("breakdown"):
        progress("breakdown", 0, 1)
        with folders.quiet() as alone, pinned_threads(spec.profile.threads):
            repeats = min(spec.profile.repeats, BREAKDOWN_PASSES) if inputs[0].spec.timed else 0
            modules = breakdown(model, inputs[0].batches, repeats=repeats)
    return ProfileReport(
        model={**folders.origin, "architecture": type(model).__name__, "model_type": model.config.model_type},
        profile=profile,
        modules=modules,
        warnings=(*of_family(anatomy.family), *uncounted(profile), *disturbed(profile, alone=alone), *missing),
        environment=environment(),
        seconds=clock.seconds,
        runtimes=tuple(figures_alone(each) for each in timed),
        quality=probes.reports_alone(worth),
    )


def _opened(source: Path) -> tuple[PreTrainedModel, Anatomy]:
    model = load_model(source)
    anatomy = anatomy_of(model)
    check_source(model, lambda: short_batch(model, anatomy))
    return model, anatomy
