"""The examples for GitHub Actions and GitLab CI: valid, and every step of theirs does what it says."""

import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest
import yaml
from example_runs import EXAMPLES, environment, reaching

from deploy.embedded.stack import Stack

GATE_NOT_MET = 4
GITHUB, GITLAB = "github_actions.yaml", "gitlab_ci.yaml"
GH = """#!/bin/sh
echo "$@" > released
cp smaller.tar.gz published.tar.gz
"""
"""What stands in for GitHub's command: it keeps what it is given."""


class Received(BaseHTTPRequestHandler):
    """Takes what is put there into a file, as GitLab's registry of packages does."""

    def do_PUT(self) -> None:
        """Keep the body, and where it was meant to go."""
        into: Path = self.server.folder  # type: ignore[attr-defined]
        (into / "released").write_text(f"{self.path} {self.headers['JOB-TOKEN']}")
        (into / "published.tar.gz").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def checkout(tmp_path: Path, model_folders: Mapping[str, Path], data_folders: Mapping[str, Path]) -> Path:
    """Return a folder as a runner has it: with the new model in it, and data to learn from."""
    shutil.copytree(model_folders["bert"], tmp_path / "checkout/model")
    shutil.copytree(data_folders["bert"], tmp_path / "checkout/data")
    return tmp_path / "checkout"


@pytest.fixture
def registry(checkout: Path) -> Iterator[str]:
    """Give the address of a registry of packages."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Received) as server:
        server.folder = checkout  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def github(checkout: Path) -> tuple[list[str], dict[str, str]]:
    """Return the steps of the workflow, and what GitHub would set."""
    tools = checkout.parent / "tools"
    tools.mkdir()
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)
    workflow = yaml.safe_load((EXAMPLES / GITHUB).read_text())
    steps = [step["run"] for step in workflow["jobs"]["compress"]["steps"] if "run" in step]
    given = {"GITHUB_SHA": "c0ffee", "GITHUB_RUN_NUMBER": "7", "GITHUB_STEP_SUMMARY": str(checkout / "summary.md")}
    return steps, given | {"FIDELITY": workflow["env"]["FIDELITY"], "TOOLS": str(tools)}


def gitlab(registry: str) -> tuple[list[str], dict[str, str]]:
    """Return the steps of the pipeline, and what GitLab would set."""
    jobs = yaml.safe_load((EXAMPLES / GITLAB).read_text())
    ids = {"CI_COMMIT_SHA": "c0ffee", "CI_PROJECT_ID": "5", "CI_PIPELINE_IID": "7", "CI_JOB_TOKEN": "token"}
    given = ids | jobs["compress"]["variables"] | {"CI_API_V4_URL": registry}
    return [*jobs["compress"]["script"], *jobs["publish"]["script"]], given


def run(steps: list[str], checkout: Path, stack: Stack, given: Mapping[str, str]) -> int:
    """Run the *steps* until one fails, as runners do, and return its exit code, or 0."""
    variables = environment(checkout.parent, **reaching(stack), **given)
    variables["PATH"] = os.pathsep.join([given.get("TOOLS", ""), variables["PATH"]])
    codes = (subprocess.run(["bash", "-eo", "pipefail", "-c", step], cwd=checkout, env=variables) for step in steps)  # noqa: PLW1510
    return next((done.returncode for done in codes if done.returncode), 0)


def published(checkout: Path) -> set[str]:
    """Return the names of the files that were published."""
    with tarfile.open(checkout / "published.tar.gz") as archive:
        return {Path(name).name for name in archive.getnames()}


@pytest.mark.parametrize(("example", "schema"), [(GITHUB, "github-workflows"), (GITLAB, "gitlab-ci")])
def test_the_files_are_what_their_schemas_ask_for(example: str, schema: str) -> None:
    """Each fits the published schema of its kind."""
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", EXAMPLES / example)
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
@pytest.mark.skipif(which("zizmor") is None, reason="zizmor is not installed: make test-pipelines")
def test_a_workflow_opens_no_door(tmp_path: Path) -> None:
    """No words of others become code in the workflow, no credentials stay behind, and no right is granted for nothing.

    Actions are named by their release; projects whose policy it is pin them by hash.
    """
    policy = tmp_path / "zizmor.yaml"
    policy.write_text(yaml.safe_dump({"rules": {"unpinned-uses": {"config": {"policies": {"*": "ref-pin"}}}}}))
    (tmp_path / ".github/workflows").mkdir(parents=True)
    workflow = shutil.copy(EXAMPLES / GITHUB, tmp_path / ".github/workflows")
    audited = subprocess.run(
        ["zizmor", "--offline", "--config", policy, workflow], capture_output=True, text=True, check=False
    )

    assert audited.returncode == 0, audited.stdout


def test_a_workflow_releases_what_is_good_enough(stack: Stack, checkout: Path) -> None:
    """Every step of the GitHub workflow runs, and the release has the compressed model and its report."""
    steps, given = github(checkout)

    assert run(steps, checkout, stack, given) == 0
    assert (checkout / "released").read_text().split()[:3] == ["release", "create", "model-7"]
    assert {"model.safetensors", "compression.json"} <= published(checkout)
    assert "parameters" in (checkout / "summary.md").read_text()


@pytest.mark.slow
def test_a_pipeline_publishes_what_is_good_enough(stack: Stack, checkout: Path, registry: str) -> None:
    """Every step of the GitLab pipeline runs, and the registry gets the compressed model."""
    steps, given = gitlab(registry)

    assert run(steps, checkout, stack, given) == 0
    assert (checkout / "released").read_text() == "/projects/5/packages/generic/model/7/smaller.tar.gz token"
    assert {"model.safetensors", "compression.json"} <= published(checkout)


@pytest.mark.slow
def test_nothing_is_released_that_misses_a_gate(stack: Stack, checkout: Path) -> None:
    """A fidelity that none can have ends the workflow with the code for gates, before anything is published."""
    steps, given = github(checkout)

    assert run(steps, checkout, stack, given | {"FIDELITY": "1.1"}) == GATE_NOT_MET
    assert not (checkout / "released").exists()
