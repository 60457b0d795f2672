"""Commands about this machine: load-check, login, serve."""

import signal
import sys
from contextlib import suppress
from getpass import getpass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from modelpress import ModelPress, Retry
from modelpress.command.options import command
from modelpress.command.session import MissingExtraError, Session
from modelpress.errors import ApiError
from modelpress.settings import DEFAULT_PROFILE, Settings

FORBIDDEN = 403
SERVER = "A checkout of ModelPress has it: `make up` there, or `.venv/bin/modelpress serve` once `make setup` is done."


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, "load-check", load_check)
    command(app, "login", login)
    command(app, "serve", serve)


def load_check(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What download brought.", exists=True, file_okay=False)],
) -> None:
    """Prove that a downloaded model loads.

    Checks the files by their hashes, loads the model, and compares its output with the one that was recorded.
    Needs the extra torch.
    """
    loading = _extra("modelpress.loading", None, '`pip install "modelpress-client[torch]"` brings it.')
    session.say(f"Loading {folder}")
    import_module("transformers.utils.logging").disable_progress_bar()
    found = loading.verify(folder)
    document = {"folder": str(folder), "files": found.files, "exact": found.exact, "max_abs_diff": found.max_abs_diff}
    how = "bit for bit" if found.exact else f"within {found.max_abs_diff:.2g}, as another machine computes"
    hashed = f"{found.files} files have the hashes of the manifest; the" if found.files else "No manifest; the"
    session.show(document, f"{hashed} model loads, and its output is the one recorded, {how}.")


def login(
    session: Session,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The service's address; asked for if left out.")
    ] = None,
) -> None:
    """Save address and key of a service.

    Both are asked for, tried, and saved for this user alone. The key is never shown, and never an argument; where
    stdin is no terminal, it is its first line.
    """
    profile = session.profile or DEFAULT_PROFILE
    settings = Settings.resolve(_url(url), _key())
    _try(settings)
    path = settings.save(profile)
    session.show({"profile": profile, "url": settings.base_url, "file": str(path)}, f"Saved as {profile!r} in {path}.")


def serve(
    session: Session,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where all state is kept.", show_default="as `make up` has it")
    ] = None,
) -> None:
    """Run a whole service on this machine.

    Redis, an S3 store, the API and a worker, until Ctrl-C. Needs the server package.
    """
    embedded = _extra("deploy.embedded.stack", "The service", SERVER)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    session.say("Starting Redis, an S3 store, the API and a worker: some ten seconds.")
    with suppress(KeyboardInterrupt), embedded.Stack(folder or embedded.state_folder()) as stack:
        found = {"url": stack.url, "env": str(stack.env_file)}
        session.show(found, f"ModelPress runs at {stack.url}")
        session.say(f"In another terminal: set -a; source '{stack.env_file}'; set +a")
        session.say("Ctrl-C stops it; its state is kept.")
        signal.pause()
    session.say("Stopped.")


def _extra(module: str, what: str | None, remedy: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{what or error.name} is not installed here. {remedy}") from error


def _url(given: str | None) -> str:
    return given or str(typer.prompt("Address of the service", err=True))


def _key() -> str:
    return getpass("API key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def _try(settings: Settings) -> None:
    """Ask the service one thing; a key that may do less than look is a good key too."""
    with ModelPress(settings.base_url, settings.api_key, retry=Retry(tries=2)) as press:
        try:
            next(press.jobs(), None)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
