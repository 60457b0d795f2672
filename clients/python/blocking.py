"""Write ``_sync`` from ``_async``: the same code, which waits where that lets others run.

``AsyncJob`` becomes ``Job``, ``async_sleep`` becomes ``sleep``, and ``async`` and ``await`` go.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import unasync

SPELT_OTHERWISE = {
    "_async": "_sync",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_lines": "iter_lines",
    "aiter_raw": "iter_raw",
    "aread": "read",
}

_OURS = re.compile(r"\b_?(?:async_|Async(?=[A-Z]))\w+")


def generate(package: Path) -> None:
    """Write the folder ``_sync`` of *package*, which is replaced."""
    source, out = package / "_async", package / "_sync"
    shutil.rmtree(out, ignore_errors=True)
    files = sorted(source.glob("*.py"))
    named = {name for file in files for name in _OURS.findall(file.read_text(encoding="utf-8"))}
    names = SPELT_OTHERWISE | {name: re.sub("async_|Async", "", name, count=1) for name in named}
    unasync.unasync_files([str(file) for file in files], [unasync.Rule("/_async/", "/_sync/", names)])
    (out / "__init__.py").write_text(
        '"""Made from ``_async`` by ``make generate``: change it there."""\n', encoding="utf-8"
    )
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    style = ["--isolated", "--quiet", "--target-version", "py311", "--line-length", "120"]
    ours = ["--config", 'lint.isort.known-first-party = ["modelpress"]']
    subprocess.run([*ruff, "check", "--fix", *style, *ours, "--select", "F,I", str(out)], check=True)
    subprocess.run([*ruff, "format", *style, str(out)], check=True)
