"""Run `model.pt2`, a program of `torch.export`, without transformers: `python serve_pt2.py ARTIFACT [--compile]`."""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

artifact = Path(sys.argv[1])
program = torch.export.load(artifact / "model.pt2")
run = program.module()
if "--compile" in sys.argv:  # ahead of time, by AOTInductor: needs a C++ compiler here, and none where it is loaded
    package = torch._inductor.aoti_compile_and_package(program, package_path=str(artifact / "model.aoti.pt2"))
    run = torch._inductor.aoti_load_package(package)

recorded = load_file(artifact / "verification.safetensors")  # one input, and the output that the worker saw
inputs = [recorded[f"input.{name}"] for name in ("input_ids", "attention_mask")]  # of speech: input_values
with torch.no_grad():
    found = run(*inputs)

difference = (found - recorded["output.last_hidden_state"]).abs().max()
print(f"last_hidden_state {tuple(found.shape)} differs by {difference:.1e}")
