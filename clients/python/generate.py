"""Write what of the client is made from something else; with ``--check``, only compare.

``modelpress/_generated/`` comes from the repository's ``openapi.yaml``, ``modelpress/_sync/`` from ``_async/``.
Exits with 1 when the committed code is not what they give.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import blocking

CLIENT = Path(__file__).resolve().parent
CONTRACT = CLIENT.parents[1] / "openapi.yaml"
PACKAGE = CLIENT / "modelpress"


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


def write(package: Path) -> None:
    """Write all that is made into *package*."""
    generate(CONTRACT, package / "_generated")
    blocking.generate(package)


def main() -> int:
    """Generate, or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    if not parser.parse_args().check:
        write(PACKAGE)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        shutil.copytree(PACKAGE / "_async", fresh / "_async")
        write(fresh)
        stale = [
            str(PACKAGE / part / name)
            for part in ("_generated", "_sync")
            for name in differences(PACKAGE / part, fresh / part)
        ]
    for name in stale:
        print(f"{name} is not what it is made from; run `make generate`.")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
