"""The command with a service: what it asks for, what it prints where, and how it exits."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from client_fakes import JOB, RETRY, UPLOAD, FakeService, event, job
from client_loopback import HANG_UP, Reply, problem
from command_shell import Shell
from made_reports import child
from modelpress import Job, ModelPress
from modelpress.command.exits import MEANINGS, Code
from modelpress.command.main import app
from typer.main import get_command

HEADS = ("compress", "s3://models/minilm", "-t", "head_pruning:heads_removed=0.5")


def model_folder(path: Path) -> Path:
    """Return the folder *path*, which looks like a model from outside."""
    path.mkdir()
    for name in ("config.json", "model.safetensors"):
        (path / name).write_text("{}")
    return path


def test_a_job_is_started_and_its_id_printed(shell: Shell, service: FakeService) -> None:
    """Nobody waits unless told to: stdout has the id alone, stderr says how to go on."""
    ran = shell(*HEADS, "-t", "weight_pruning:sparsity=0.3", "--label", "team=speech", "--format", "onnx")

    assert (ran.code, ran.out) == (0, f"{JOB}\n")
    assert f"modelpress events {JOB} --follow" in ran.err
    assert service.created == [
        {
            "model": {"uri": "s3://models/minilm"},
            "steps": [
                {"technique": "head_pruning", "heads_removed": 0.5},
                {"technique": "weight_pruning", "sparsity": 0.3},
            ],
            "labels": {"team": "speech"},
            "output": {"formats": ["safetensors", "onnx"]},
        }
    ]


def test_local_folders_are_uploaded_once(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    """A path without any scheme is local, for the model, the data and the data of probes."""
    texts = model_folder(tmp_path / "texts")
    probe = f"classification:data={texts},label=speaker"
    ran = shell(
        "compress", str(texts), "--target", "macs=0.5", "--data", str(texts), "--samples", "3", "--evaluate", probe
    )

    (asked,) = service.created
    assert ran.code == 0
    assert [each.path for each in service.asked].count("/v1/uploads") == 1
    assert asked["model"] == {"uri": f"upload://{UPLOAD}"}
    assert asked["data"] == {"uri": f"upload://{UPLOAD}", "samples": 3}
    assert asked["evaluate"][0]["data"] == {"uri": f"upload://{UPLOAD}"}


def test_options_go_before_the_spec(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    """A file has the whole request; what is said on the command line replaces its part."""
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"model": {"uri": "s3://a/b"}, "target": {"metric": "macs", "ratio": 0.5}}))
    ran = shell("plan", "s3://models/c", "--spec", str(spec), "--recovery-steps", "5", "--no-wait")

    assert ran.code == 0
    assert service.created[0]["model"] == {"uri": "s3://models/c"}
    assert service.created[0]["target"] == {"metric": "macs", "ratio": 0.5}
    assert service.created[0]["recovery"] == {"steps": 5}


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": {"technique": "head_pruning"}},
        {"steps": ["head_pruning"]},
        {"target": "macs=0.5"},
        {"model": None},
        {"points": [{"steps": "head_pruning"}]},
        {"reuse": "no"},
    ],
)
def test_a_spec_of_another_form_sends_nothing(
    shell: Shell, service: FakeService, tmp_path: Path, wrong: dict[str, object]
) -> None:
    """The field is named, and what would stand there."""
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(wrong))
    ran = shell("landscape" if {"points", "reuse"} & wrong.keys() else "compress", "s3://a/b", "--spec", str(spec))

    assert ran.code == Code.USAGE
    assert re.search(f"expected .* as {'steps' if 'points' in wrong else next(iter(wrong))}; got", ran.err)
    assert service.asked == []


def test_a_landscape_is_a_grid(shell: Shell, service: FakeService) -> None:
    """Techniques and shares make up the points."""
    shell("landscape", "s3://a/b", "-t", "head_pruning", "-t", "low_rank", "--removed", "0.25,50%")

    assert service.created[0]["grid"] == {"techniques": ["head_pruning", "low_rank"], "removed": [0.25, 0.5]}


@pytest.mark.parametrize(
    ("gates", "code"),
    [
        ([], Code.SUCCEEDED),
        (["--require", "speedup>=1.5"], Code.SUCCEEDED),
        (["--require", "speedup>=1.5", "--require", "fidelity>=0.99"], Code.GATE_NOT_MET),
    ],
)
def test_a_pipeline_reads_exit_code_and_document(
    shell: Shell, service: FakeService, tmp_path: Path, gates: list[str], code: Code
) -> None:
    """One document has job, report, gates and folder; files come only where every gate is met."""
    service.story = [job("running"), job("succeeded")]
    service.report = child(params=0.5, time=0.5)
    service.publish("model.safetensors", b"weights")
    folder = tmp_path / "out"
    ran = shell(*HEADS, "--json", "--download", str(folder), *gates)

    met = code == Code.SUCCEEDED
    assert ran.code == code
    assert ran.document["job"]["state"] == "succeeded"
    assert ran.document["report"] == service.report
    assert [each["met"] for each in ran.document["gates"]] == [True, False][: len(gates) // 2]
    assert ran.document["folder"] == (str(folder) if met else None)
    assert (folder / "model.safetensors").exists() is met
    assert met or "Not met: fidelity>=0.99 (0.95)" in ran.err


@pytest.mark.parametrize(
    ("state", "code"), [("failed", Code.FAILED), ("expired", Code.FAILED), ("cancelled", Code.CANCELLED)]
)
def test_how_a_job_ended_is_the_exit_code(shell: Shell, service: FakeService, state: str, code: Code) -> None:
    """The error is on stderr, and in the document."""
    service.story = [job("running"), job(state)]
    ran = shell(*HEADS, "--wait", "--json")

    assert ran.code == code
    assert ran.document["report"] is None
    assert "unsupported_model: no anatomy" in ran.err


def test_a_timeout_says_how_to_go_on(shell: Shell, service: FakeService) -> None:
    """The job is not lost: the message and the document name it."""
    service.story = [job("running")]
    ran = shell(*HEADS, "--timeout", "0.05s", "--json")

    assert ran.code == Code.TIMEOUT
    assert f"modelpress report {JOB} --wait" in ran.err
    assert ran.document["job"]["id"] == JOB
    assert ran.document["error"]["exit_code"] == Code.TIMEOUT


def test_an_interrupted_wait_leaves_the_job_alone(
    shell: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the command, and says how to end the job."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Job, "wait", interrupted)
    ran = shell(*HEADS, "--wait")

    assert ran.code == Code.INTERRUPTED
    assert f"modelpress cancel {JOB}" in ran.err
    assert not any(each.path.endswith("/cancel") for each in service.asked)


@pytest.mark.parametrize(
    ("faults", "code", "said"),
    [
        ([problem(401, "unauthorized")], Code.REFUSED, "modelpress login"),
        ([problem(403, "insufficient_scope")], Code.REFUSED, "modelpress login"),
        ([problem(422, "invalid_request", errors=[{"pointer": "/model", "detail": "is odd"}])], Code.USAGE, "/model"),
        ([problem(503, "overloaded", request_id="req_7")] * 5, Code.UNAVAILABLE, "req_7"),
        ([HANG_UP] * 5, Code.UNAVAILABLE, "Is it running"),
        ([Reply(404, b"<h1>Not Found</h1>")], Code.USAGE, "is the address right?"),
    ],
)
def test_errors_say_what_to_do(shell: Shell, service: FakeService, faults: list[Reply], code: Code, said: str) -> None:
    """No traceback, the service's own words, a hint, and a code for each kind; --debug shows where."""
    service.fail_with(*faults)
    ran = shell(*HEADS)
    service.fail_with(*faults)
    closer = shell(*HEADS, "--debug", "--json")

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in closer.err
    assert closer.document["error"]["exit_code"] == code


@pytest.mark.parametrize(
    "wrong",
    [
        (*HEADS, "--require", "speed>=2"),
        (*HEADS, "--require", "speedup>>2"),
        (*HEADS, "--target", "macs=0.5"),
        (*HEADS, "--timeout", "soon"),
        (*HEADS, "--no-wait", "--require", "speedup>=2"),
        (*HEADS, "--webhok", "x"),
        ("compress", "s3://a/b"),
        ("compress", "-t", "head_pruning:heads_removed=0.5"),
        ("compress", "./nowhere", "--target", "macs=0.5"),
        ("compress", "s3://a/b", "--target", "mac=0.5"),
        ("compress", "s3://a/b", "--target", "macs=0"),
        ("compress", "s3://a/b", "--target", "macs=0.5", "--scope", "decoder"),
        ("compress", "s3://a/b", "--scope", "encoder", "-t", "weight_pruning"),
        ("compress", "s3://a/b", "-t", "head_pruning:heads_removed=7"),
        ("compress", "s3://a/b", "-t", "weight_pruning:sparsity=0.5", "--format", "onxx"),
        ("profile", "s3://a/b", "--runtime", "compile"),
        ("landscape", "s3://a/b"),
        ("landscape", "s3://a/b", "-t", "low_rank"),
        ("jobs", "--columns", "id,shoe_size"),
        ("comprss",),
        (),
    ],
)
def test_a_wrong_command_line_sends_nothing(shell: Shell, service: FakeService, wrong: tuple[str, ...]) -> None:
    """Exit 2 and a word on what is wrong, before anything is uploaded or asked for."""
    ran = shell(*wrong)

    assert (ran.code, ran.out) == (Code.USAGE, "")
    assert "modelpress" in ran.err
    assert service.asked == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["texts.txt"], "no config.json and no *.safetensors"),
        (["config.json", "pytorch_model.bin"], "save_pretrained(other) converts it"),
    ],
)
def test_what_is_no_model_is_not_uploaded(
    shell: Shell, service: FakeService, tmp_path: Path, names: list[str], said: str
) -> None:
    """A folder of something else, and a file, are told apart from a model at once."""
    for name in names:
        (tmp_path / name).write_text("{}")
    folder = shell("compress", str(tmp_path), "--target", "macs=0.5")
    file = shell("plan", str(tmp_path / names[0]), "--target", "macs=0.5")

    assert (folder.code, file.code) == (Code.USAGE, Code.USAGE)
    assert said in folder.err
    assert "is a file" in file.err
    assert service.asked == []


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (ModelPress, "upload", "the same command goes on from there"),
        (ModelPress, "compress", "`modelpress jobs` lists it then"),
        (Job, "download", f"`modelpress download {JOB} out` goes on where this stopped"),
    ],
)
def test_who_cuts_off_is_told_how_to_go_on(
    shell: Shell,
    service: FakeService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    owner: type,
    name: str,
    said: str,
) -> None:
    """Ctrl-C loses neither what was uploaded nor what was asked for nor what was downloaded."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    service.story = [job("succeeded")]
    service.report = child(time=0.5)
    monkeypatch.setattr(owner, name, interrupted)
    ran = shell("compress", str(model_folder(tmp_path / "m")), "--target", "macs=0.5", "--download", "out")

    assert ran.code == Code.INTERRUPTED
    assert said in ran.err


def test_a_wrong_command_line_is_a_document_too(shell: Shell) -> None:
    """Who asked for JSON gets JSON in any case."""
    assert shell("jobs", "--columns", "shoe_size", "--json").document["error"]["exit_code"] == Code.USAGE


def test_jobs_are_a_table_or_a_list(shell: Shell) -> None:
    """Columns are the caller's choice, and nothing is cut off where no terminal is."""
    table = shell("jobs", "--columns", "id,state", "--limit", "2")
    listed = shell("jobs", "--json", "--state", "running")

    assert [line.split() for line in table.out.splitlines()] == [["id", "state"], [JOB, "running"], [JOB, "failed"]]
    assert [each["state"] for each in listed.document] == ["running", "failed", "queued"]


def test_one_job_is_shown(shell: Shell, service: FakeService) -> None:
    """State and error, a line each."""
    service.story = [
        job("failed", started_at="2026-01-01T10:00:00Z", ended_at="2026-01-01T11:02:03Z", labels={"team": "speech"})
    ]
    shown = shell("show", JOB)

    assert shown.code == 0
    assert "took      1:02:03" in shown.out
    assert "labels    team=speech" in shown.out
    assert "unsupported_model: no anatomy" in shown.out


def test_events_are_told_and_followed(shell: Shell, service: FakeService) -> None:
    """So far as a list; followed, a line each until the end, which is the exit code."""
    service.events = [event(1), event(2)]
    service.story = [job("running"), job("cancelled")]
    followed = shell("events", JOB, "-f", "--json")
    told = shell("events", JOB, "--json")

    assert followed.code == Code.CANCELLED
    assert [json.loads(line)["id"] for line in followed.out.splitlines()] == ["0001-0", "0002-0"]
    assert [each["id"] for each in told.document] == ["0001-0", "0002-0"]


def test_a_report_is_judged_later(shell: Shell, service: FakeService) -> None:
    """Gates wait for the end; a plain look at a job that goes on is answered at once."""
    service.report = child(time=0.5)
    service.story = [job("running")]
    early = shell("report", JOB)
    service.story = [job("running"), job("running"), job("succeeded")]
    late = shell("report", JOB, "--require", "speedup>=9")

    assert early.code == Code.NOT_YET
    assert late.code == Code.GATE_NOT_MET
    assert late.out.splitlines()[0].split() == ["dense", "compressed", "kept"]


def test_a_job_is_cancelled_retried_and_downloaded(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    """Each prints what a script goes on with."""
    service.publish("config.json", b"{}")

    assert shell("cancel", JOB).out == f"{JOB} cancelling\n"
    assert shell("retry", JOB).out == f"{RETRY}\n"
    assert shell("download", JOB, str(tmp_path / "out")).out == f"{tmp_path / 'out'}\n"
    assert (tmp_path / "out/config.json").read_bytes() == b"{}"


def test_techniques_are_the_services_own(shell: Shell, service: FakeService) -> None:
    """Those of a newer service too, and one that it does not have is refused."""
    assert "teleportation" in shell("techniques").out
    assert shell("techniques", "teleportation", "--json").document == [{"name": "teleportation", "warp": 9}]
    assert shell("techniques", "alchemy").code == Code.USAGE


def test_without_a_service_this_release_is_asked(outside: Shell) -> None:
    """Techniques and their parameters can be read up offline."""
    ran = outside("techniques", "head_pruning")

    assert ran.code == 0
    assert "a number at least 0 and below 1" in ran.out
    assert "Not from a service" in ran.err


def test_without_address_and_key_it_is_said_how_to_log_in(outside: Shell) -> None:
    """Also for a profile that is not there."""
    bare, named = outside("jobs"), outside("jobs", "--profile", "work")

    assert (bare.code, named.code) == (Code.UNCONFIGURED, Code.UNCONFIGURED)
    assert "modelpress login" in bare.err
    assert "'work'" in named.err


def test_a_fault_of_the_command_is_no_wall_of_text(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw has a code of its own, and shows where only when asked."""
    monkeypatch.setattr(Job, "cancel", lambda job: {}[job])
    ran = shell("cancel", JOB)

    assert ran.code == Code.INTERNAL
    assert "Traceback" not in ran.err
    assert "--debug" in ran.err


def test_options_are_lower_case() -> None:
    """An option is called as its name, whatever its placeholder is called."""
    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    names = [name for command in commands for parameter in command.params for name in parameter.opts]

    assert [name for name in names if name.startswith("-") and name != name.lower()] == []


def test_every_exit_code_is_explained() -> None:
    """The table of the page has a row for each."""
    assert set(MEANINGS) == set(Code)


def test_importing_the_client_loads_no_command() -> None:
    """Who imports the package pays neither for typer nor for yaml."""
    code = "import modelpress, sys; print([m for m in ('typer', 'yaml', 'modelpress.command') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
