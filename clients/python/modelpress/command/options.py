"""The options of the commands, in groups that several share, and how a function becomes a command."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import typer

from modelpress.command.session import Session
from modelpress.command.vocabulary import completions

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job, as job_01J….", show_default=False)]


def _complete_technique(incomplete: str) -> list[str]:
    return completions("technique", incomplete)


def _complete_probe(incomplete: str) -> list[str]:
    return completions("probe", incomplete)


@dataclass(frozen=True)
class Common:
    """What every command takes."""

    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else.")] = False
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="NAME", help="Use the address and key that `login` saved under this name."),
    ] = None
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error arose.")] = False


@dataclass(frozen=True)
class Source:
    """Which model, and what else is asked for in a file."""

    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A local folder, which is uploaded, or s3://bucket/prefix, hf://org/name@revision, upload://id.",
            show_default=False,
        ),
    ] = None
    spec: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The whole request, as YAML or JSON (-: from stdin); options go before it."),
    ] = None


@dataclass(frozen=True)
class Data:
    """What to learn from and to judge by."""

    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATA", help="A local file or folder, or a reference: data to learn from."),
    ] = None
    samples: Annotated[
        int | None, typer.Option(min=1, metavar="COUNT", help="How many samples of the data to use.")
    ] = None
    recovery_steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="COUNT", help="Steps of self-distillation on the data after the last step."),
    ] = None


@dataclass(frozen=True)
class Judging:
    """Probes on the caller's labels."""

    evaluate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROBE",
            autocompletion=_complete_probe,
            help="A probe, as classification:data=./speakers,label=speaker; may be repeated.",
        ),
    ] = None


@dataclass(frozen=True)
class Marks:
    """What a job is found again by, and who is told of its end."""

    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A word of your own on the job; may be repeated.")
    ] = None
    webhook: Annotated[
        str | None, typer.Option(metavar="ID", help="A webhook endpoint that is told of the job's end.")
    ] = None


@dataclass(frozen=True)
class Ways:
    """How to compress."""

    technique: Annotated[
        list[str] | None,
        typer.Option(
            "--technique",
            "-t",
            metavar="STEP",
            autocompletion=_complete_technique,
            help="A step, as head_pruning:heads_removed=0.5; may be repeated, and they follow in this order.",
        ),
    ] = None
    target: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC=AMOUNT",
            help="A budget instead of steps: macs=0.5, params=20M, bytes=50%, latency=20ms.",
        ),
    ] = None
    scope: Annotated[
        str | None, typer.Option("--scope", metavar="SCOPE", help="What the target counts: model or encoder.")
    ] = None
    format: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help="Further files: onnx, onnx_int8 or pt2; may be repeated."),
    ] = None


@dataclass(frozen=True)
class Compression(Marks, Judging, Data, Ways, Source):
    """What compress and plan are asked for."""


@dataclass(frozen=True)
class Measurement(Marks, Judging, Source):
    """What profile is asked for."""

    runtime: Annotated[
        list[str] | None,
        typer.Option(
            "--runtime", metavar="RUNTIME", help="Also time it under torch_compile or onnxruntime; may be repeated."
        ),
    ] = None


@dataclass(frozen=True)
class Landscape(Marks, Judging, Data, Source):
    """What landscape is asked for."""

    technique: Annotated[
        list[str] | None,
        typer.Option(
            "--technique", "-t", metavar="TECHNIQUE", help="A technique to chart, as head_pruning; may be repeated."
        ),
    ] = None
    removed: Annotated[
        str | None, typer.Option("--removed", metavar="SHARES", help="What each removes, as 0.25,0.5,0.75.")
    ] = None


@dataclass(frozen=True)
class Waiting:
    """Whether and how long to wait for the job's end."""

    wait: Annotated[
        bool | None, typer.Option("--wait/--no-wait", help="Wait for the job's end.", show_default=False)
    ] = None
    timeout: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Wait so long at most, as 90, 90s, 30m or 2h; exit with 124.")
    ] = None


@dataclass(frozen=True)
class Requiring:
    """Gates."""

    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GATE", help="Exit with 4 unless the report meets this, as 'speedup>=1.5'; may be repeated."
        ),
    ] = None


@dataclass(frozen=True)
class Fetching:
    """Where the result goes."""

    download: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Bring the result here, once every gate is met.")
    ] = None


def command(app: typer.Typer, name: str, function: Callable[..., None]) -> None:
    """Make *function* the command *name* of *app*.

    It takes a session, then values with typer's annotations, or groups of them as the dataclasses above.
    """
    _, *wanted = inspect.signature(function).parameters.values()
    hints = get_type_hints(function, include_extras=True)

    def run(**given: Any) -> None:
        session = Session(**{each.name: given.pop(each.name) for each in fields(Common)})
        with session.guarded():
            function(session, **{each.name: _gathered(hints[each.name], each.name, given) for each in wanted})

    _pretend(run, [*(option for each in wanted for option in _flat(each, hints[each.name])), *_fields_of(Common)])
    run.__doc__ = function.__doc__
    app.command(name)(run)


def _gathered(kind: Any, name: str, given: dict[str, Any]) -> Any:
    if not is_dataclass(kind):
        return given[name]
    group = cast(Callable[..., Any], kind)  # the class itself, not one of its instances
    return group(**{each.name: given[each.name] for each in fields(kind)})


def _flat(parameter: inspect.Parameter, kind: Any) -> Iterator[inspect.Parameter]:
    if is_dataclass(kind):
        yield from _fields_of(kind)
    else:
        yield parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY)


def _fields_of(group: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for each in fields(group):
        kind = inspect.Parameter.KEYWORD_ONLY
        yield inspect.Parameter(each.name, kind, default=each.default, annotation=hints[each.name])


def _pretend(run: Any, options: list[inspect.Parameter]) -> None:
    """Make typer see *options* as what *run* takes."""
    run.__signature__ = inspect.Signature(options)
    run.__annotations__ = {each.name: each.annotation for each in options}
