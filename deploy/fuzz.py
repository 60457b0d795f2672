"""Tries the published contract on a whole stack of its own: ``python -m deploy.fuzz``, then options of schemathesis.

Every phase is run, stateful walks included, and every check; what is sent follows from the seed, which is printed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from deploy.embedded.processes import StartError
from deploy.embedded.stack import ROOT, Stack, state_folder

CONFIG = ROOT / "tests" / "contract" / "schemathesis.toml"
HOOKS = "tests.contract.schemathesis_hooks"
PHASES = "examples,coverage,fuzzing,stateful"


def main(options: list[str]) -> int:
    """Try a new stack with *options* besides ours; return what schemathesis does: 0 if all is well."""
    if not any(each.split("=")[0] == "--seed" for each in options):
        options = [*options, f"--seed={SystemRandom().randrange(2**32)}"]
    print(f"Again with the same requests: python -m deploy.fuzz {' '.join(options)}", flush=True)
    state = state_folder()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with tempfile.TemporaryDirectory(prefix="fuzz-", dir=state) as folder, Stack(Path(folder) / "stack") as stack:
            return _tried(stack, options)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


def _tried(stack: Stack, options: list[str]) -> int:
    command = (str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run")
    asked = (f"{stack.url}/openapi.json", "--phases", PHASES, *options)
    told = {"MODELPRESS_API_KEY": stack.api_key, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS}
    return subprocess.run((*command, *asked), cwd=stack.folder, env=stack.environment | told, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
