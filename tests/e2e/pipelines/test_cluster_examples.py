"""The examples for clusters, Kubeflow and Argo: what their servers would take, and their work, done without them."""

import json
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from example_runs import EXAMPLES, environment, executed, printed, reaching

from deploy.embedded.stack import Stack

ARGO = EXAMPLES / "argo_workflow.yaml"
with_kfp = pytest.mark.skipif(find_spec("kfp") is None, reason="kfp is not installed: make test-pipelines")
COMPONENT = """
import json, sys
import kubeflow
from kfp import dsl

asked = json.loads(sys.argv[1])
smaller, figures = dsl.Model(uri=asked["folder"]), dsl.Metrics()
job = kubeflow.compress.python_func(**asked["arguments"], smaller=smaller, figures=figures)
print(json.dumps({"job": job, "model": smaller.metadata, "figures": figures.metadata}))
"""
"""What the component's container does, with artifacts that lie in a folder."""
ARGO_TYPES = """
import json, sys
import yaml
from hera.workflows.models import Workflow

with open(json.loads(sys.argv[1])["file"]) as file:
    workflow = Workflow.model_validate(yaml.safe_load(file))
print(workflow.model_dump_json(exclude_none=True, by_alias=True))
"""


@pytest.mark.slow
@with_kfp
def test_a_kubeflow_pipeline_compiles(tmp_path: Path) -> None:
    """The compiled pipeline has the component, and takes address and key from a secret."""
    printed("kubeflow.py", home=tmp_path)
    pipeline, platform = yaml.safe_load_all((tmp_path / "kubeflow.yaml").read_text())
    (secret,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-compress"]["secretAsEnv"]

    assert list(pipeline["components"]) == ["comp-compress"]
    assert {each["envVar"] for each in secret["keyToEnv"]} == {"MODELPRESS_URL", "MODELPRESS_API_KEY"}


@pytest.mark.slow
@with_kfp
def test_a_kubeflow_component_compresses(
    stack: Stack, model_uris: Mapping[str, str], data_uris: Mapping[str, str], tmp_path: Path
) -> None:
    """The component brings the model to where its artifact belongs, and logs the figures."""
    arguments = {"model": model_uris["bert"], "data": data_uris["bert"], "fidelity": 0.0}
    asked = {"folder": str(tmp_path / "smaller"), "arguments": arguments}
    done = executed(COMPONENT, asked, tmp_path, stack)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["model"] == {"job": told["job"], "source": model_uris["bert"]}
    assert told["figures"]["fidelity"] > 0
    assert (tmp_path / "smaller/model.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("hera") is None, reason="hera is not installed: make test-pipelines")
def test_an_argo_workflow_is_one(stack: Stack, tmp_path: Path) -> None:
    """Argo's own types take every field of the file, and nothing of it is lost on them."""
    done = executed(ARGO_TYPES, {"file": str(ARGO)}, tmp_path, stack)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == yaml.safe_load(ARGO.read_text())


@pytest.mark.slow
def test_an_argo_workflow_compresses(
    stack: Stack, model_uris: Mapping[str, str], data_uris: Mapping[str, str], tmp_path: Path
) -> None:
    """The script leaves a compressed model where the workflow's artifact is taken from."""
    (template,) = yaml.safe_load(ARGO.read_text())["spec"]["templates"]
    script = template["script"]
    given = {
        "MODEL": model_uris["bert"],
        "DATA": data_uris["bert"],
        "FIDELITY": "0.0",
        "OUT": str(tmp_path / "smaller"),
    }
    (tmp_path / "source").write_text(script["source"])
    done = subprocess.run(
        [*script["command"], tmp_path / "source"], env=environment(tmp_path, **reaching(stack), **given), check=False
    )

    assert {each["name"] for each in script["env"]} == set(given)
    assert done.returncode == 0
    assert (tmp_path / "smaller/model.safetensors").is_file()
