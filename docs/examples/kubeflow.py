"""A Kubeflow pipeline that compresses a model: `python kubeflow.py` writes `kubeflow.yaml`, which any cluster takes."""

from kfp import compiler, dsl, kubernetes


@dsl.component(base_image="python:3.12-slim", packages_to_install=["modelpress-client"])
def compress(
    model: str,
    data: str,
    fidelity: float,
    smaller: dsl.Output[dsl.Model],
    figures: dsl.Output[dsl.Metrics],
) -> str:
    """Return the job that halved *model* by what *data* shows; fails below the *fidelity* that it must have."""
    from modelpress import ModelPress

    with ModelPress() as press:  # MODELPRESS_URL and MODELPRESS_API_KEY, from the secret
        target = {"metric": "params", "ratio": 0.5, "scope": "encoder"}
        job = press.compress(model=model, data=data, target=target).wait(timeout=7200)
        report = job.report()
        figures.log_metric("fidelity", report.fidelity.cosine)
        figures.log_metric("params_total", report.compressed.params_total)
        if report.fidelity.cosine < fidelity:
            raise ValueError(f"Expected a fidelity of at least {fidelity}; {job.id} has {report.fidelity.cosine:.4f}.")
        job.download(smaller.path)
    smaller.metadata.update(job=job.id, source=model)
    return job.id


@dsl.pipeline(name="compress-a-model")
def compress_a_model(model: str = "s3://models/minilm", data: str = "s3://data/sentences") -> None:
    """Compress one model; what follows takes ``task.outputs["smaller"]``."""
    task = compress(model=model, data=data, fidelity=0.9)
    names = ("MODELPRESS_URL", "MODELPRESS_API_KEY")
    kubernetes.use_secret_as_env(task, secret_name="modelpress", secret_key_to_env={name: name for name in names})


if __name__ == "__main__":
    compiler.Compiler().compile(compress_a_model, "kubeflow.yaml")
