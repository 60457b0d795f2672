"""Commands that ask for a job: compress, plan, profile, landscape."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from modelpress import Job
from modelpress.command import request
from modelpress.command.amounts import number
from modelpress.command.options import (
    Compression,
    Data,
    Fetching,
    Landscape,
    Measurement,
    Requiring,
    Waiting,
    command,
)
from modelpress.command.request import Request
from modelpress.command.session import Session
from modelpress.command.uploading import uploaded
from modelpress.command.usage import wrong
from modelpress.command.waiting import Ending, finish
from modelpress.errors import ModelPressError

COMPRESSION_FIELDS = (
    *("model", "steps", "target", "data", "recovery", "profile", "evaluate", "output", "limits", "labels", "webhook"),
)
PROFILE_FIELDS = ("model", "profile", "evaluate", "limits", "labels", "webhook")
LANDSCAPE_FIELDS = (
    *("model", "points", "grid", "controls", "data", "recovery", "profile", "evaluate", "reuse"),
    *("limits", "labels", "webhook"),
)


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, "compress", compress)
    command(app, "plan", plan)
    command(app, "profile", profile)
    command(app, "landscape", landscape)


def compress(session: Session, asked: Compression, waiting: Waiting, requiring: Requiring, fetching: Fetching) -> None:
    """Compress a model, by steps or to a budget.

    Prints the job's id, or after --wait (which --timeout, --require and --download imply) the report.
    """
    ending = Ending.asked(waiting, requiring, fetching)
    finish(session, _submitted(session, _compression(session, asked), session.press.compress), ending)


def plan(session: Session, asked: Compression, waiting: Waiting, requiring: Requiring) -> None:
    """Say what compress would give, without making it.

    Takes the same arguments. Waits for the answer unless told --no-wait.
    """
    ending = Ending.asked(waiting, requiring, by_default=True)
    finish(session, _submitted(session, _compression(session, asked), session.press.plan), ending)


def profile(session: Session, asked: Measurement, waiting: Waiting) -> None:
    """Measure a model as it is.

    Parameters, MACs, memory and wall-clock. Waits for the answer unless told --no-wait.
    """
    ending = Ending.asked(waiting, by_default=True)
    wanted = request.read_spec(asked.spec, PROFILE_FIELDS) | _named(asked)
    if asked.runtime:
        runtimes = request.words(asked.runtime, "Runtime", "--runtime")
        wanted["profile"] = {**wanted.get("profile", {}), "runtimes": runtimes}
    finish(session, _submitted(session, wanted, session.press.profile), ending)


def landscape(session: Session, asked: Landscape, waiting: Waiting, fetching: Fetching) -> None:
    """Compress a model in many ways and compare them.

    Prints the job's id, or after --wait (which --timeout and --download imply) the table of points.
    """
    ending = Ending.asked(waiting, fetching=fetching)
    wanted = request.read_spec(asked.spec, LANDSCAPE_FIELDS)
    wanted |= _named(asked) | _learnt_from(asked, wanted) | _grid(asked)
    if not wanted.keys() & {"grid", "points"}:
        raise typer.BadParameter("expected techniques and shares, or points in a --spec", param_hint="--technique")
    finish(session, _submitted(session, wanted, session.press.landscape), ending)


def _compression(session: Session, asked: Compression) -> Request:
    wanted = request.read_spec(asked.spec, COMPRESSION_FIELDS)
    wanted |= _named(asked) | _learnt_from(asked, wanted) | _chosen(session, asked, wanted)
    if ("steps" in wanted) == ("target" in wanted):
        came = "both" if "steps" in wanted else "neither"
        raise typer.BadParameter(f"expected either techniques or a target; got {came}", param_hint="--technique")
    return wanted


def _chosen(session: Session, asked: Compression, spec: Request) -> Request:
    """Return what the options say of steps, target and output."""
    found: Request = {}
    if asked.technique:
        found["steps"] = request.steps(asked.technique, lambda: _service_catalogue(session))
    if asked.target is not None:
        found["target"] = request.target(asked.target, asked.scope)
    elif asked.scope is not None:
        raise typer.BadParameter("only a --target has a scope", param_hint="--scope")
    if asked.format:
        formats = request.words(asked.format, "OutputFormat", "--format")
        found["output"] = {**spec.get("output", {}), "formats": ["safetensors", *formats]}
    return found


def _learnt_from(asked: Data, spec: Request) -> Request:
    found: Request = {}
    if asked.data is not None:
        with wrong("--data"):
            found["data"] = {"uri": request.reference(asked.data)}
    if asked.samples is not None:
        found["data"] = {**(found.get("data") or spec.get("data") or {}), "samples": asked.samples}
    if asked.recovery_steps is not None:
        found["recovery"] = {**spec.get("recovery", {}), "steps": asked.recovery_steps}
    return found


def _named(asked: Measurement | Compression | Landscape) -> Request:
    """Return what the options say of model, probes, labels and webhook."""
    found: Request = {"webhook": asked.webhook} if asked.webhook else {}
    if asked.model is not None:
        with wrong("MODEL"):
            found["model"] = {"uri": request.reference(asked.model)}
    if asked.evaluate:
        found["evaluate"] = request.probes(asked.evaluate)
    if asked.label:
        found["labels"] = request.labels(asked.label)
    return found


def _grid(asked: Landscape) -> Request:
    if asked.technique is None and asked.removed is None:
        return {}
    if asked.technique is None or asked.removed is None:
        raise typer.BadParameter("expected both, as -t head_pruning --removed 0.25,0.5", param_hint="--removed")
    with wrong("--removed"):
        return {"grid": {"techniques": asked.technique, "removed": [*map(number, asked.removed.split(","))]}}


def _service_catalogue(session: Session) -> Mapping[str, Any]:
    """Return the parameters of what the service can do, or nothing where it cannot be asked."""
    try:
        return {each.name: each["parameters"] for each in session.press.techniques() if "parameters" in each}
    except ModelPressError:
        return {}


def _submitted(session: Session, asked: Request, submit: Callable[..., Job]) -> Job:
    if "model" not in asked:
        raise typer.BadParameter("expected a model, here or in a --spec", param_hint="MODEL")
    request.check_model(asked["model"])
    whole = uploaded(session, asked)
    session.remark = "The service may have started the job already; `modelpress jobs` lists it then."
    session.job = job = submit(**whole)
    session.remark = None
    return job
