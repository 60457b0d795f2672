"""What a compression would give, without making it: the steps themselves, rehearsed on a copy of the model.

What follows from shapes is counted on the rehearsed model, so a plan is what the compression reports, not an estimate.
Left out is what changes values alone: training, the refit after the last step, evaluation, recovery, export, timing.
The weights are written once, to weigh them, and removed: nothing of them is published.

Cost: the scores and cuts of the steps, two forward passes for each profiled input, and the weights once on disk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import PreTrainedModel

from jobs.batches import entry_of
from jobs.checkpoint.precision import store_as, stored_dtype
from jobs.checkpoint.writer import weight_bytes, write_artifact
from jobs.compression.technique import registry
from jobs.contract.report import Forecast, InputForecast, PlanReport, StepReport
from jobs.contract.spec import CompressionSpec, Step
from jobs.profiling.macs import count_macs
from jobs.profiling.profile import Input, inputs_of
from jobs.profiling.size import count_parameters
from jobs.reporting import environment, of_family
from jobs.stages import Stages
from jobs.workplace import Clock, Folders, StageProgress

UNTRAINED = "The dry run left training out, and what it teaches may change how much later steps take from where."
MEASURED = "A target in latency is met by times measured anew: the compression may choose otherwise."


def run(spec: CompressionSpec, folders: Folders, progress: StageProgress) -> PlanReport:
    """Return what compressing by *spec* would give; ``folders.out`` is as empty afterwards as before.

    Raises:
        InvalidRequestError: the model, the data or a step cannot be used, as the compression itself would say.
        CancelledError: *progress* said so.
    """
    clock = Clock()
    with clock.stage("load"):
        job = Stages.load(spec, folders, progress)
        steps, last_steps = job.steps()
        untrained = tuple(_untrained(steps))
        if spec.recovery is not None or untrained != steps:
            job.context.data()  # the compression would ask for it
    with clock.stage("compress"):
        model, reports = job.compress(_without_last_refit(untrained, spec), refit=False)
        model, last_reports = job.finish(last_steps, model)
    with clock.stage("write"):
        door, stored = _weighed(job, model)
    with clock.stage("profile"):
        progress("profile", 0, 1)
        store_as(job.dense, stored_dtype(folders.source))
        inputs = inputs_of(spec.profile, job.anatomy.modality, job.dense.config)
        dense = _forecast(job, job.dense, inputs, weight_bytes(folders.source))
        compressed = _forecast(job, model, inputs, stored)
    warnings = tuple(doubts(spec, steps, untrained))
    return PlanReport(
        model={**folders.origin, "architecture": type(job.dense).__name__, "model_type": job.dense.config.model_type},
        steps=(*_as_asked(steps, reports), *last_reports),
        door=door,
        dense=dense,
        compressed=compressed,
        exact=not warnings,
        warnings=(*of_family(job.anatomy.family), *warnings),
        environment=environment(),
        seconds=clock.seconds,
    )


def doubts(spec: CompressionSpec, steps: Sequence[Step], untrained: Sequence[Step]) -> Iterator[str]:
    """Yield why the compression could give other figures."""
    trained = [step != without for step, without in zip(steps, untrained, strict=True)]
    if any(trained[:-1]) or (any(trained) and spec.output.storage != "dense"):
        yield UNTRAINED
    if spec.target is not None and spec.target.metric == "latency":
        yield MEASURED


def _untrained(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield each of *steps* as it is without training, once what was asked for is known to be right."""
    known = registry()
    for step in steps:
        if step.technique not in known:
            yield step
            continue
        known[step.technique].parse(step.params)
        yield replace(step, params=known[step.technique].without_training(step.params))


def _without_last_refit(steps: Sequence[Step], spec: CompressionSpec) -> Sequence[Step]:
    """Return *steps*, the last without a refit, which nothing comes after; it stays where stored zeros are packed."""
    known = registry()
    if not steps or spec.output.storage != "dense" or steps[-1].technique not in known:
        return steps
    if "reconstruct" not in known[steps[-1].technique].params.__dataclass_fields__:
        return steps
    return (*steps[:-1], replace(steps[-1], params={**steps[-1].params, "reconstruct": False}))


def _as_asked(steps: Sequence[Step], reports: Sequence[StepReport]) -> Iterator[StepReport]:
    """Yield *reports* with what was asked for in place of what was rehearsed; a target with data has no steps."""
    if not steps:
        yield from reports
    for step, report in zip(steps, reports, strict=False):
        yield replace(report, requested=dict(step.params))


def _weighed(job: Stages, model: PreTrainedModel) -> tuple[str, int]:
    """Return by which door the artifact of *model* would open, and the bytes of its weights."""
    job.progress("write", 0, 1, "weighing")
    with TemporaryDirectory(dir=job.folders.out) as folder:
        out = Path(folder)
        plan = write_artifact(model, source=job.folders.source, out=out, storage=job.spec.output.storage)
        return plan.door, weight_bytes(out)


def _forecast(job: Stages, model: PreTrainedModel, inputs: Sequence[Input], bytes_stored: int) -> Forecast:
    counts = [(each.spec, count_macs(entry_of(model), *each.batches)) for each in inputs]
    return Forecast(
        params_total=count_parameters(model),
        params_encoder=count_parameters(job.anatomy.encoder(model)),
        bytes_stored=bytes_stored,
        inputs=tuple(InputForecast(each, macs.executed, macs.uncounted_ops) for each, macs in counts),
    )
