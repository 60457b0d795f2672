"""Commands that look: jobs, show, events, report, techniques."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from modelpress import Job
from modelpress.command import exits
from modelpress.command.options import JobId, Requiring, Waiting, command
from modelpress.command.session import Session
from modelpress.command.vocabulary import entries, expected, unknown
from modelpress.command.waiting import Ending, give, wait
from modelpress.errors import ConfigurationError, NetworkError

Document = Mapping[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, "jobs", jobs)
    command(app, "show", show)
    command(app, "events", events)
    command(app, "report", report)
    command(app, "techniques", techniques)


def jobs(
    session: Session,
    *,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="STATE", help="Only those that are queued, running, cancelling, succeeded, failed, …"
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="Only those of a kind: compression, plan, profile or landscape."),
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="NAME[=VALUE]", help="Only those with this label.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="COUNT", help="How many at most, the newest first.")] = 20,
    columns: Annotated[str, typer.Option(metavar="NAMES", help="What the table shows, in this order.")] = (
        "id,kind,state,created,took,labels"
    ),
) -> None:
    """List jobs, newest first."""
    chosen = [each.strip() for each in columns.split(",")]
    strange = [each for each in chosen if each not in COLUMNS]
    if strange:
        raise typer.BadParameter(f"no {', '.join(strange)}; there are {', '.join(COLUMNS)}", param_hint="--columns")
    found = [each.record.to_json() for each in islice(session.press.jobs(state=state, kind=kind, label=label), limit)]
    session.show_table(found, chosen, ([COLUMNS[each](document) for each in chosen] for document in found))
    if not found:
        session.say("There are no such jobs.")


def show(session: Session, job_id: JobId) -> None:
    """Show one job.

    Its state, how far it is, what was asked for, and why it failed.
    """
    job = session.press.job(job_id)
    session.show(job.record.to_json(), "\n".join(_lines(job)))


def events(
    session: Session,
    job_id: JobId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended, and exit by how it ended.")
    ] = False,
) -> None:
    """Tell what happened to a job.

    With --json, --follow writes a document a line.
    """
    job = session.press.job(job_id)
    if not follow:
        told = list(job.events())
        session.show([each.to_json() for each in told], "\n".join(map(str, told)))
        return
    session.job = job
    for event in job.events(follow=True):
        session.show(event.to_json(), str(event))
    if code := exits.of_state(job.state):
        raise typer.Exit(code)


def report(session: Session, job_id: JobId, waiting: Waiting, requiring: Requiring) -> None:
    """Show a job's report, and judge it by gates."""
    ending = Ending.asked(waiting, requiring, by_default=waiting.timeout is not None)
    session.job = job = session.press.job(job_id)
    if ending.wait:
        wait(session, job, ending.timeout_s)
    if not job.terminal:
        job.report()  # refused: it says why in the service's words
    give(session, job, ending.gates, None)


def techniques(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One of them, with its parameters.", show_default=False)
    ] = None,
) -> None:
    """Say what can be done to a model.

    What the service can do, or where none is reached, what this release knows.
    """
    known = _catalogue(session)
    if name is None:
        session.show_table(list(known.values()), ("technique", "what it does"), _summaries(known))
        return
    if name not in known:
        raise typer.BadParameter(unknown("technique", name, known), param_hint="NAME")
    session.show_table([known[name]], ("parameter", "takes", "default", "meaning"), _parameters(known[name]))


def _catalogue(session: Session) -> dict[str, Document]:
    try:
        return {each.name: each.to_json() for each in session.press.techniques()}
    except (ConfigurationError, NetworkError) as error:
        session.say(f"Not from a service: {error}")
        return {name: {"name": name, **entry} for name, entry in entries("technique").items()}


def _summaries(known: Mapping[str, Document]) -> Iterator[tuple[str, str]]:
    return ((name, str(entry.get("summary", ""))) for name, entry in known.items())


def _parameters(entry: Document) -> Iterator[tuple[str, str, str, str]]:
    for name, schema in entry.get("parameters", {}).get("properties", {}).items():
        if name != "technique":
            default = json.dumps(schema["default"]).strip('"') if "default" in schema else ""
            yield name, expected(schema), default, str(schema.get("description", ""))


def _lines(job: Job) -> Iterator[str]:
    document = job.record.to_json()
    for name, read in COLUMNS.items():
        if value := read(document):
            yield f"{name:<9} {value}"
    if job.error is not None:
        yield f"{'error':<9} {job.error.code}: {job.error.message}"
    yield f"{'request':<9} {json.dumps(document.get('request'), ensure_ascii=False)}"


def _time(name: str) -> Callable[[Document], str]:
    def read(job: Document) -> str:
        return datetime.fromisoformat(job[name]).astimezone().strftime("%Y-%m-%d %H:%M:%S") if job.get(name) else ""

    return read


def _took(job: Document) -> str:
    if not job.get("started_at"):
        return ""
    end = datetime.fromisoformat(job["ended_at"]) if job.get("ended_at") else datetime.now(UTC)
    whole = max(0, round((end - datetime.fromisoformat(job["started_at"])).total_seconds()))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _progress(job: Document) -> str:
    progress = job.get("progress") or {}
    share = progress.get("fraction")
    return f"{progress['stage']} {share:.0%}" if share is not None else str(progress.get("stage") or "")


def _labels(job: Document) -> str:
    return " ".join(f"{name}={value}" for name, value in (job.get("labels") or {}).items())


def _text(name: str) -> Callable[[Document], str]:
    return lambda job: str(job.get(name) or "")


COLUMNS: dict[str, Callable[[Document], str]] = {
    "id": _text("id"),
    "kind": _text("kind"),
    "state": _text("state"),
    "progress": _progress,
    "created": _time("created_at"),
    "started": _time("started_at"),
    "ended": _time("ended_at"),
    "took": _took,
    "attempt": _text("attempt"),
    "labels": _labels,
    "model": lambda job: str(((job.get("request") or {}).get("model") or {}).get("uri") or ""),
    "parent": _text("parent"),
    "retry_of": _text("retry_of"),
}
