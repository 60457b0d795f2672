"""Compress a model and register the result in MLflow: `MLFLOW_TRACKING_URI=… python registry.py MODEL NAME`."""

import sys

from modelpress import ModelPress
from modelpress.mlflow import register

model, name = sys.argv[1:]
with ModelPress() as press:
    job = press.compress(model=model, steps=[{"technique": "head_pruning", "heads_removed": 0.5}])
    version = register(job.wait(), name)

print(f"{version.name}, version {version.version}")
for tag, value in sorted(version.tags.items()):
    print(f"  {tag}: {value}")
