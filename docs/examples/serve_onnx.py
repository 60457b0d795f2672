"""Run `model.onnx` by ONNX Runtime, without torch: `python serve_onnx.py ARTIFACT`."""

import sys
from pathlib import Path

import onnxruntime
from safetensors.numpy import load_file

artifact = Path(sys.argv[1])
session = onnxruntime.InferenceSession(artifact / "model.onnx", providers=["CPUExecutionProvider"])
recorded = load_file(artifact / "verification.safetensors")  # one input, and the output that the worker saw
inputs = {each.name: recorded[f"input.{each.name}"] for each in session.get_inputs()}
(found,) = session.run(None, inputs)

name = session.get_outputs()[0].name
difference = abs(found - recorded[f"output.{name}"]).max()
print(f"{name} {found.shape} differs by {difference:.1e}")
