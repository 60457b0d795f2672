"""Opens a downloaded result as a stranger would, in a process of its own: torch, transformers and safetensors alone.

``python -I reopen.py FOLDER MANIFEST [trust_remote_code]`` checks every file's SHA-256 against the manifest, loads the
model, feeds it the recorded input and compares its output with the recorded one, bit for bit. Exits with 1 and says
what differs if anything does.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

OURS = {"clients", "deploy", "jobs", "modelpress", "service"}


class NotOurs:
    """An import finder that refuses this project's packages: a stranger does not have them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return None for every foreign module."""
        if name.partition(".")[0] in OURS:
            raise ImportError(f"{name} belongs to ModelPress; a result must open without it.")
        return None


def damaged(folder: Path, manifest: Path) -> list[str]:
    """Return the files whose bytes are not what the manifest promises."""
    files = json.loads(manifest.read_text())["files"]
    return [each["path"] for each in files if _sha256(folder / each["path"]) != each["sha256"]]


def difference(folder: Path, *, trust_remote_code: bool) -> float:
    """Return the largest difference between the output the model gives now and the recorded one."""
    import torch  # noqa: PLC0415 - after the finder is in place
    from safetensors.torch import load_file  # noqa: PLC0415
    from transformers import AutoModel  # noqa: PLC0415

    torch.set_num_threads(1)
    model = AutoModel.from_pretrained(folder, trust_remote_code=trust_remote_code).eval()
    recorded = load_file(folder / "verification.safetensors")
    inputs = {name.removeprefix("input."): value for name, value in recorded.items() if name.startswith("input.")}
    with torch.inference_mode():
        output = model(**inputs).last_hidden_state
    expected = recorded["output.last_hidden_state"]
    return 0.0 if torch.equal(output, expected) else float((output - expected).abs().max()) or float("nan")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """Check the folder that the command line names and return the exit code."""
    folder, manifest, *rest = arguments
    if wrong := damaged(Path(folder), Path(manifest)):
        print(f"not what was published: {', '.join(wrong)}")
        return 1
    sys.meta_path.insert(0, NotOurs)
    if worst := difference(Path(folder), trust_remote_code="trust_remote_code" in rest):
        print(f"another output than was recorded: off by up to {worst:g}")
        return 1
    print("every hash right, the output equal bit for bit")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
