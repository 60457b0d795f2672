"""What a stranger makes of downloaded folders: an isolated interpreter, transformers alone, the demo's own check."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded.stack import ROOT

REOPEN = ROOT / "deploy" / "demo" / "reopen.py"
_SCRIPT = """
import json, runpy, sys
from pathlib import Path
reopen = runpy.run_path(sys.argv[1])
sys.meta_path.insert(0, reopen["NotOurs"])
answer = {}
for folder, trust in json.loads(sys.argv[2]).items():
    try:
        answer[folder] = reopen["difference"](Path(folder), trust_remote_code=trust)
    except Exception as error:
        answer[folder] = repr(error)
print("answer:" + json.dumps(answer))
"""


def differences(folders: Mapping[Path, bool], home: Path) -> dict[Path, float | str]:
    """Return by how much each folder's model misses its recorded output, or why it does not open.

    Args:
        folders: whether each may run the code beside its weights.
        home: an empty folder, for caches.
    """
    environment = {"HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
    asked = json.dumps({str(folder): trust for folder, trust in folders.items()})
    done = subprocess.run(
        [sys.executable, "-I", "-c", _SCRIPT, str(REOPEN), asked],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {Path(name): found for name, found in json.loads(done.stdout.rpartition("answer:")[2]).items()}
