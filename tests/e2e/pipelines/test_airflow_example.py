"""The example for Airflow: operator, trigger and sensor run as Airflow's parts run them, without its servers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from example_runs import EXAMPLES, environment, executed, reaching
from http_calls import HEADS, QUICK

from deploy.embedded.stack import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not installed: make test-pipelines"),
]
PROGRAM = '''
import asyncio, importlib, json, sys
import airflow_modelpress as example
from airflow.sdk.exceptions import TaskDeferred

def ran(operator):
    """Return what the operator returns, once the triggerer has made its trigger and heard of the job's end."""
    try:
        operator.execute({})
    except TaskDeferred as deferred:
        path, arguments = deferred.trigger.serialize()
        module, _, name = path.rpartition(".")
        trigger = getattr(importlib.import_module(module), name)(**arguments)
        event = asyncio.run(anext(trigger.run()))
        return getattr(operator, deferred.method_name)({}, event=event.payload)

asked = json.loads(sys.argv[1])
job = ran(example.CompressOperator(task_id="compress", request=asked["request"], gates=asked["gates"]))
print(json.dumps({"job": job, "seen": ran(example.JobSensor(task_id="watch", job_id=job))}))
'''
"""What a worker and a triggerer do with the example."""


def test_an_operator_hands_over_to_its_trigger_and_comes_back(
    stack: Stack, model_uris: Mapping[str, str], tmp_path: Path
) -> None:
    """The operator submits, the trigger fires at the end, the gate is judged, and the sensor sees the same job."""
    request = {"model": model_uris["bert"], "steps": [HEADS], "profile": QUICK}
    done = executed(PROGRAM, {"request": request, "gates": {"fidelity": 0.0}}, tmp_path, stack)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["job"].startswith("job_")
    assert told["seen"] == told["job"]


def test_a_task_fails_in_the_words_of_its_job(stack: Stack, tmp_path: Path) -> None:
    """A job that fails fails the task, and says why."""
    request = {"model": "s3://models/nowhere", "steps": [HEADS]}
    done = executed(PROGRAM, {"request": request, "gates": {}}, tmp_path, stack)

    assert done.returncode == 1
    assert "JobFailedError" in done.stderr


def test_a_run_of_the_dag_succeeds(
    stack: Stack, model_uris: Mapping[str, str], data_uris: Mapping[str, str], tmp_path: Path
) -> None:
    """Airflow runs the DAG from its own folders: templates are filled in, the task is deferred, resumed and judged."""
    for name, folder in (("airflow_dag.py", "dags"), ("airflow_modelpress.py", "plugins")):
        (tmp_path / folder).mkdir()
        shutil.copy(EXAMPLES / name, tmp_path / folder)
    airflow = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
    variables = environment(tmp_path, **reaching(stack), **airflow)
    references = json.dumps({"model": model_uris["bert"], "data": data_uris["bert"]})
    for words in (("db", "migrate"), ("dags", "test", "compress_a_model", "--conf", references)):
        command = (sys.executable, "-m", "airflow", *words)
        done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout + done.stderr
    assert "state=success" in done.stdout + done.stderr
