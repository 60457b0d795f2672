"""A DAG that compresses the model that its run names."""

from airflow.sdk import dag
from airflow_modelpress import CompressOperator


@dag(schedule=None, params={"model": "s3://models/minilm", "data": "s3://data/sentences"})
def compress_a_model() -> None:
    target = {"metric": "params", "ratio": 0.5, "scope": "encoder"}
    references = {"model": "{{ params.model }}", "data": "{{ params.data }}"}
    request = {**references, "target": target, "labels": {"airflow": "{{ run_id }}"}}
    CompressOperator(task_id="compress", request=request, gates={"fidelity": 0.9})


compress_a_model()
