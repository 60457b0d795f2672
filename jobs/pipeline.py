"""From a request and local folders to a compressed checkpoint and its report.

Pure: no bucket, no queue, no hub. ``run`` is the best introduction to the worker side; each stage is one call.
"""

from jobs.checkpoint.writer import opens_with, write_card
from jobs.contract.report import Report
from jobs.contract.spec import CompressionSpec
from jobs.reporting import cautions, environment, of_family, unpaired
from jobs.stages import Stages
from jobs.workplace import Clock, Folders, StageProgress

__all__ = ("Folders", "StageProgress", "run")


def run(spec: CompressionSpec, folders: Folders, progress: StageProgress) -> Report:
    """Write the compressed checkpoint into ``folders.out`` and return its report.

    Raises:
        InvalidRequestError: the model, the data or a step cannot be used; the message says why and what to do.
        VerificationError: the artifact, read back, gives another output; nothing of it may be published.
        CancelledError: *progress* said so.
    """
    clock = Clock()
    with clock.stage("load"):
        job = Stages.load(spec, folders, progress)
        steps, last_steps = job.steps()
    with clock.stage("evaluate"):
        probes = job.probes()
        worth = job.scores(job.dense, probes)
    with clock.stage("compress"):
        model, reports = job.compress(steps)
    with clock.stage("evaluate"):
        unrecovered = None if spec.recovery is None else job.judge(model, probes, reports)
    with clock.stage("recover"):
        recovery, control = job.recover(model), job.control(probes)
    with clock.stage("export"):
        exports = job.export(model)
    with clock.stage("compress"):
        model, last_reports = job.finish(last_steps, model)
    with clock.stage("evaluate"):
        found = job.judge(model, probes, (*reports, *last_reports))
    with clock.stage("write"):
        plan = job.write(model, (*reports, *last_reports))
    with clock.stage("profile"):
        before, after, speedups = job.profile(model)
        runtimes, missing = job.runtimes(model)
    notes = () if recovery is None else recovery.notes
    report = Report(
        model={**folders.origin, "architecture": type(job.dense).__name__, "model_type": job.dense.config.model_type},
        steps=(*reports, *last_reports),
        door=plan.door,
        dense=before,
        compressed=after,
        speedup=speedups,
        fidelity=found.fidelity,
        fidelity_before_recovery=unrecovered and unrecovered.fidelity,
        fidelity_control=control and control.fidelity,
        quality=probes.reports(worth, found.scores, unrecovered and unrecovered.scores, control and control.scores),
        warnings=(
            *of_family(job.anatomy.family),
            *notes,
            *unpaired(found.fidelity),
            *cautions(found.fidelity, before, after, speedups),
            *missing,
        ),
        environment=environment(),
        opens_with=opens_with(folders.out),
        seconds=clock.seconds,
        exports=exports,
        runtimes=runtimes,
    )
    write_card(folders.out, report.to_json(), plan)
    return report
