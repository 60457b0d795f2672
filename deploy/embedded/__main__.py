"""``python -m deploy.embedded up|down|status``: the stack kept running; each may be repeated."""

import argparse
import sys
from pathlib import Path

from deploy.embedded.minilm import put_minilm
from deploy.embedded.processes import StartError
from deploy.embedded.stack import MODELS_BUCKET, STATE_VARIABLE, Stack, state_folder
from deploy.embedded.supervisor import NAME as SUPERVISOR


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(_COMMANDS[options.command](Stack(options.folder)))
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


def up(stack: Stack) -> int:
    """Start what does not run, put a model there to try, and say how to reach it."""
    stack.start()
    to_try = put_minilm(stack.store(MODELS_BUCKET))
    print(f"ModelPress runs at {stack.url} (its API in the browser: {stack.url}/docs).")
    print(f"API key: {stack.api_key}")
    print(f"Both are in {stack.env_file}; `make down` stops it.")
    if to_try:
        print("A real model to try is at s3://models/minilm.")
    return 0


def down(stack: Stack) -> int:
    """Stop everything; the state stays for the next start."""
    stack.stop()
    print(f"Stopped. Its state is kept in {stack.folder}.")
    return 0


def status(stack: Stack) -> int:
    """Print one line a program; return 1 unless all run under a supervisor."""
    records = stack.processes.records()
    for record in records:
        condition = f"runs (process {record.pid})" if record.alive else "ended"
        print(f"{record.program.name:<10} {condition}")
    if not any(record.program.name == SUPERVISOR for record in records):
        print(f"Nothing runs in {stack.folder}; `make up` starts it.")
        return 1
    return int(not all(record.alive for record in records))


_COMMANDS = {"up": up, "down": down, "status": status}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    parser.add_argument(
        "--folder",
        type=Path,
        default=state_folder(),
        help=f"where all state is kept (default: {STATE_VARIABLE}, else .modelpress)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
