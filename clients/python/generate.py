"""Write ``modelpress/_generated/`` from the repository's ``openapi.yaml``; with ``--check``, only compare.

Exits with 1 when the committed code is not what the contract gives.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CLIENT = Path(__file__).resolve().parent
CONTRACT = CLIENT.parents[1] / "openapi.yaml"
GENERATED = CLIENT / "modelpress" / "_generated"


def generate(contract: Path, out: Path) -> None:
    """Write the client code of *contract* into the folder *out*, which is replaced.

    The generator formats with ruff, which it looks up on the path; without it, it only warns, so warnings are failures.
    """
    beside = Path(sys.executable).parent
    command = [beside / "openapi-python-client", "generate", "--meta", "none", "--overwrite", "--fail-on-warning"]
    where = ["--path", contract, "--output-path", out, "--config", CLIENT / "generator.yaml"]
    environment = os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"}
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([*command, *where], check=True, env=environment, stdout=subprocess.DEVNULL)
    shutil.rmtree(out / ".ruff_cache", ignore_errors=True)


def differences(committed: Path, fresh: Path) -> list[str]:
    """Return the files that only one of the folders has, or that differ."""
    names = sorted({str(file.relative_to(root)) for root in (committed, fresh) for file in root.rglob("*.py")})
    _, changed, missing = filecmp.cmpfiles(committed, fresh, names, shallow=False)
    return sorted(changed + missing)


def main() -> int:
    """Generate, or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    if not parser.parse_args().check:
        generate(CONTRACT, GENERATED)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "_generated"
        generate(CONTRACT, fresh)
        stale = differences(GENERATED, fresh)
    for name in stale:
        print(f"{GENERATED / name} is not what openapi.yaml gives; run `make generate`.")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
