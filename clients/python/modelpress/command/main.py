"""The entry point ``modelpress``."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

import modelpress
from modelpress.command import acting, local, looking, submitting
from modelpress.command.exits import Code, error_document

app = typer.Typer(name="modelpress", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelpress {modelpress.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Compress Transformers by a ModelPress service, from a shell or in a pipeline."""


for group in (submitting, looking, acting, local):
    group.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line *arguments* and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(get_command(app).main(given, prog_name="modelpress", standalone_mode=False) or Code.SUCCEEDED)
    except typer.TyperException as error:
        return _misused(error, as_json="--json" in given)
    except typer.Abort:
        return Code.INTERRUPTED
    except BrokenPipeError:  # whoever reads our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Code.SUCCEEDED


def _misused(error: typer.TyperException, *, as_json: bool) -> Code:
    """Say what is wrong with the command line."""
    context = getattr(error, "ctx", None)
    named = "modelpress" if context is None else context.command_path
    said = error.format_message()
    help_itself = said.startswith("Usage:")  # what a bare `modelpress` gets
    typer.echo(said if help_itself else f"Error: {said}\n`{named} --help` says what there is.", err=True)
    if as_json:
        typer.echo(json.dumps(error_document(error, Code.USAGE)))
    return Code.USAGE
