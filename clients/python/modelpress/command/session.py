"""One run of a command: its connection, what it says and to whom, and how it ends when something goes wrong.

What a command finds goes to stdout: a table or lines for people, or with ``--json`` one document. All else, progress,
hints and errors, goes to stderr.
"""

import json
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from modelpress import Job, ModelPress, UploadWarning
from modelpress.command import exits
from modelpress.command.exits import Code
from modelpress.errors import ApiError, ConfigurationError, ModelPressError


class MissingExtraError(Exception):
    """Something that this command needs is not installed."""


class Session:
    """What the commands share.

    Attributes:
        as_json: whether stdout gets a document.
        job: the job that this run is about, once there is one.
        remark: what to say where this run is cut off now.
        profile: the profile that was named.
    """

    def __init__(self, *, as_json: bool = False, profile: str | None = None, debug: bool = False) -> None:
        self.as_json = as_json
        self.job: Job | None = None
        self.remark: str | None = None
        self.profile = profile
        self._debug = debug
        self._out = _console(sys.stdout)
        self.log = _console(sys.stderr)

    @cached_property
    def press(self) -> ModelPress:
        """Return the connection; raises ``ConfigurationError``."""
        return ModelPress(profile=self.profile)

    @property
    def live(self) -> bool:
        """Return whether somebody watches who can be shown something that moves."""
        return self.log.is_terminal

    def say(self, text: str, style: str | None = None) -> None:
        """Tell people *text*."""
        self.log.print(text, style=style, soft_wrap=True)

    def show(self, document: object, text: str) -> None:
        """Give the result: *document* with ``--json``, else *text*."""
        self._out.file.write((json.dumps(document, ensure_ascii=False) if self.as_json else text) + "\n")
        self._out.file.flush()

    def show_table(self, documents: Sequence[object], header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Give several results: *documents* with ``--json``, else a table."""
        if self.as_json:
            self.show(documents, "")
            return
        if self._out.is_terminal:
            table = Table(*header, box=box.SIMPLE, pad_edge=False)
            for row in rows:
                table.add_row(*row)
            self._out.print(table)
        else:
            self.show(documents, "\n".join(_aligned([header, *rows])))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn whatever ends the block into words and an exit code."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = self._say_warning
                yield
        except KeyboardInterrupt:
            self._interrupted()
        except ModelPressError as error:
            self._fail(error, exits.of_error(error))
        except MissingExtraError as error:
            self._fail(error, Code.UNAVAILABLE)
        except BrokenPipeError:
            raise
        except OSError as error:  # a disk that is full, a folder that may not be written
            self._fail(error, Code.FAILED)
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:  # noqa: BLE001 - people are shown what to do, and --debug shows the rest
            self._fail(error, Code.INTERNAL)
        finally:
            if "press" in self.__dict__:
                self.press.close()

    def _say_warning(self, message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        self.say(f"Warning: {message}" if issubclass(category, UploadWarning) else f"{category.__name__}: {message}")

    def _interrupted(self) -> None:
        self.say("Interrupted.")
        for hint in self._how_to_go_on(Code.INTERRUPTED):
            self.say(hint)
        self._document_of(KeyboardInterrupt("interrupted"), Code.INTERRUPTED)
        raise typer.Exit(Code.INTERRUPTED)

    def _fail(self, error: Exception, code: Code) -> None:
        if self._debug:
            self.log.file.write("".join(traceback.format_exception(error)))
        self.say(f"Error: {error}", style="red")
        for hint in (*_hints(error, code), *self._how_to_go_on(code)):
            self.say(hint)
        self._document_of(error, code)
        raise typer.Exit(code)

    def _how_to_go_on(self, code: Code) -> Iterator[str]:
        """Yield what goes on after the command, or how to take it up again."""
        if self.job is not None and not self.job.terminal:
            yield how_to_go_on(self.job)
        elif self.remark is not None and code in {Code.INTERRUPTED, Code.UNAVAILABLE}:
            yield self.remark

    def _document_of(self, error: BaseException, code: Code) -> None:
        if self.as_json:
            more = {} if self.job is None else {"job": self.job.record.to_json()}
            self.show(exits.error_document(error, code) | more, "")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each of the *rows*, as wide as they are: what reads it is a program."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def how_to_go_on(job: Job) -> str:
    """Return how to follow, take up or end a *job* that goes on."""
    return (
        f"{job.id} goes on: `modelpress events {job.id} --follow` shows how, `modelpress report {job.id} --wait` waits "
        f"for its end, `modelpress cancel {job.id}` ends it."
    )


def _hints(error: Exception, code: Code) -> Iterator[str]:
    """Yield what the caller can do about *error*."""
    if code is Code.INTERNAL:
        yield f"This {type(error).__name__} is a fault of the command; `--debug` shows where it arose."
    if isinstance(error, ConfigurationError):
        yield "`modelpress login` asks for both; `modelpress serve` starts a service on this machine."
    if code is Code.REFUSED:
        yield "`modelpress login` replaces the key; MODELPRESS_URL and MODELPRESS_API_KEY go before what it has saved."
    if isinstance(error, ModelPressError) and code is Code.UNAVAILABLE:
        yield "Is it running there? `modelpress login` saves another address; MODELPRESS_URL goes before it."
    if isinstance(error, ApiError) and error.code == f"http_{error.status}":
        yield "This is not how ModelPress answers: is the address right? `modelpress login` saves another."
    if isinstance(error, ApiError) and error.request_id:
        yield f"The service's log calls this request {error.request_id}."


def _console(file: Any) -> Console:
    return Console(file=file, markup=False, emoji=False, highlight=False)
