"""Commands that change a job or fetch what it made: cancel, retry, download."""

from pathlib import Path
from typing import Annotated

import typer

from modelpress.command.options import JobId, Waiting, command
from modelpress.command.session import Session
from modelpress.command.waiting import Ending, fetch, wait


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, "cancel", cancel)
    command(app, "retry", retry)
    command(app, "download", download)


def cancel(session: Session, job_id: JobId) -> None:
    """Ask for a job's end.

    Asking twice, or too late, does no harm.
    """
    job = session.press.job(job_id).cancel()
    session.show(job.record.to_json(), f"{job.id} {job.state}")


def retry(session: Session, job_id: JobId) -> None:
    """Try again what ended without a result.

    Prints the id of the new job.
    """
    job = session.press.job(job_id).retry()
    session.show(job.record.to_json(), job.id)


def download(
    session: Session,
    job_id: JobId,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; made if need be.")],
    waiting: Waiting,
) -> None:
    """Bring a job's files into a folder.

    Each is checked against its hash; what is there already is not fetched again.
    """
    ending = Ending.asked(waiting)
    session.job = job = session.press.job(job_id)
    if ending.wait:
        wait(session, job, ending.timeout_s)
    fetch(session, job, folder)
    files = [each["path"] for each in job.artifacts().to_json()["files"]]
    session.show({"job": job.record.to_json(), "folder": str(folder), "files": files}, str(folder))
    session.say(f"{len(files)} files; `modelpress load-check {folder}` proves that the model loads.")
