"""Wait for a job where people watch and where they do not, and give what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import typer

from modelpress import Event, Job, Report
from modelpress.command import exits
from modelpress.command.amounts import seconds
from modelpress.command.exits import Code
from modelpress.command.gates import Gate, Verdict, judged
from modelpress.command.options import Fetching, Requiring, Waiting
from modelpress.command.session import Session, how_to_go_on
from modelpress.command.usage import wrong


@dataclass(frozen=True)
class Ending:
    """What is to be done about a job's end.

    Attributes:
        wait: whether to wait for it.
        timeout_s: how long at most [s].
        gates: what its report has to meet.
        folder: where its files go.
    """

    wait: bool
    timeout_s: float | None
    gates: Sequence[Gate] = ()
    folder: Path | None = None

    @classmethod
    def asked(
        cls,
        waiting: Waiting,
        requiring: Requiring | None = None,
        fetching: Fetching | None = None,
        *,
        by_default: bool = False,
    ) -> Self:
        """Return what the options ask for; raises ``BadParameter`` before anything is sent.

        Without a word on waiting, it is waited *by_default* and where something is wanted that takes it.
        """
        with wrong("--require"):
            gates = [Gate.parse(text) for text in (requiring and requiring.require) or ()]
        with wrong("--timeout"):
            timeout_s = None if waiting.timeout is None else seconds(waiting.timeout)
        folder = fetching.download if fetching else None
        needed = bool(gates or folder or timeout_s is not None)
        if needed and waiting.wait is False:
            raise typer.BadParameter("gates, a download and a timeout need the job's end", param_hint="--no-wait")
        return cls(needed or by_default if waiting.wait is None else waiting.wait, timeout_s, gates, folder)


def finish(session: Session, job: Job, ending: Ending) -> None:
    """Do with *job*, which was just started, what *ending* says, and exit by what came of it."""
    if not ending.wait:
        session.show(_outcome(job, None, [], None), job.id)
        session.say(how_to_go_on(job))
        return
    session.say(f"{job.id} {job.state}")
    wait(session, job, ending.timeout_s)
    give(session, job, ending.gates, ending.folder)


def wait(session: Session, job: Job, timeout_s: float | None) -> None:
    """Wait for the end of *job*, with a bar in a terminal and a line for each stage elsewhere."""
    session.job = job
    if job.terminal:
        return
    if session.live:
        job.wait(timeout_s, progress=True)
    else:
        job.wait(timeout_s, on_event=_Teller(session).tell)


def give(session: Session, job: Job, gates: Sequence[Gate], folder: Path | None) -> None:
    """Show what became of *job*, bring its files into *folder* where one is named, and exit by what came of it.

    Files are brought only where every one of the *gates* is met.
    """
    report = job.report() if job.state == "succeeded" else None
    verdicts = [] if report is None else judged(gates, report)
    met = all(verdict.met for verdict in verdicts)
    saved = fetch(session, job, folder) if report is not None and met and folder is not None else None
    session.show(_outcome(job, report, verdicts, saved), job.state if report is None else str(report))
    _remark(session, job, verdicts, saved)
    code = exits.of_state(job.state) if report is None else (Code.SUCCEEDED if met else Code.GATE_NOT_MET)
    if code:
        raise typer.Exit(code)


def fetch(session: Session, job: Job, folder: Path) -> Path:
    """Bring the files of *job* into *folder* and return it."""
    session.remark = f"`modelpress download {job.id} {folder}` goes on where this stopped."
    return job.download(folder)


def _outcome(job: Job, report: Report | None, verdicts: Sequence[Verdict], folder: Path | None) -> dict[str, Any]:
    return {
        "job": job.record.to_json(),
        "report": None if report is None else report.to_json(),
        "gates": [{"require": each.require, "met": each.met, "found": each.found} for each in verdicts],
        "folder": None if folder is None else str(folder),
    }


def _remark(session: Session, job: Job, verdicts: Sequence[Verdict], folder: Path | None) -> None:
    if job.error is not None:
        session.say(f"{job.id} {job.state}: {job.error.code}: {job.error.message}", style="red")
        if job.error.get("retryable"):
            session.say(f"It may succeed another time: `modelpress retry {job.id}`.")
    for verdict in verdicts:
        session.say(str(verdict), style="green" if verdict.met else "red")
    if folder is not None:
        session.say(f"The result is in {folder}; `modelpress load-check {folder}` proves that it loads.")
    elif job.state == "succeeded" and not all(verdict.met for verdict in verdicts):
        session.say(f"A gate is not met. `modelpress download {job.id} DIR` brings the result all the same.")


class _Teller:
    """Tells of a job line by line, a stage only once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: tuple[str, str | None] | None = None

    def tell(self, event: Event) -> None:
        """Show *event*."""
        news = (event.type, event.get("stage"))
        if news != self._told or event.type == "state":
            self._told = news
            self._session.say(str(event))
