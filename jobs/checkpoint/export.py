"""The same model for other runtimes: ONNX, ONNX with 8-bit weights, and PyTorch's exported program.

Each file takes the model's inputs as named tensors and gives one output, ``logits`` for a head that has them and
``last_hidden_state`` otherwise; batch and length are free. Each is opened again and held against the model on a batch
of another size before it counts.

Source: quantization by onnxruntime (int8 weights for each output channel, uint8 activations scaled as they come).
Cost: one trace of the model for a program and one for ONNX; a few seconds a hundred million parameters.
"""

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from transformers import PreTrainedModel

from jobs.batches import Batch, Modality, entry_of
from jobs.checkpoint.verification import outputs_of
from jobs.contract.errors import VerificationError
from jobs.contract.report import Exported
from jobs.contract.spec import InputSpec, OutputFormat
from jobs.inputs import longest_text, synthetic_batch

FILES: Mapping[OutputFormat, str] = {"onnx": "model.onnx", "onnx_int8": "model.int8.onnx", "pt2": "model.pt2"}
"""What each format's file is called, in the order of writing."""

TOLERANCE = 1e-4
"""Largest difference between a file's output and the model's, relative to its size, in the Euclidean norm."""
ROUNDED = 0.5
"""The same where weights were rounded to 8 bits: a file that is further off is broken, not rounded."""
LONGER_TOKENS = 24
LARGEST_ONNX_BYTES = 1_900_000_000
"""Above it the weights lie in a file of their own, beside the graph, since one file can hold 2 GB at most."""


class _Positional(nn.Module):
    """The model as a function of tensors, which is what can be traced: inputs in order, one output."""

    def __init__(self, model: PreTrainedModel, names: tuple[str, ...], output: str) -> None:
        super().__init__()
        self.model, self.names, self.output = entry_of(model), names, output

    def forward(self, *tensors: Tensor) -> Tensor:
        found: Tensor = getattr(self.model(**dict(zip(self.names, tensors, strict=True))), self.output)
        return found


def export(
    model: PreTrainedModel, formats: Collection[OutputFormat], modality: Modality, out: Path
) -> tuple[Exported, ...]:
    """Write *model* in *formats* into the folder *out*, prove each file and say what it is.

    Args:
        model: on the CPU, in float32.
        formats: what to write; ``safetensors`` is written elsewhere.
        modality: of what the model takes.
        out: the artifact's folder.

    Raises:
        VerificationError: a file does not give what the model gives.
    """
    example, other = _batches(modality, model.config)
    output = "logits" if "logits" in outputs_of(model, example) else "last_hidden_state"
    wanted = outputs_of(model, other)[output]
    with _without_cache(model), quietly():
        job = _Job(_program(model, example, other, output), output, other, out)
        return tuple(job.write(kind, wanted) for kind in FILES if kind in formats)


def _batches(modality: Modality, config: Any) -> tuple[Batch, Batch]:
    """Return two small padded batches with other numbers of rows and, where lengths are free, other lengths."""
    tokens = min(LONGER_TOKENS, longest_text(config))
    sizes = (
        InputSpec(modality, batch_size=2, tokens=max(tokens // 2, 1), seconds=0.5),
        InputSpec(modality, batch_size=3, tokens=tokens, seconds=0.75),
    )
    one, two = (_padded(synthetic_batch(modality, config, size)) for size in sizes)
    return one, two


def _padded(batch: Batch) -> Batch:
    """Return *batch* with the last quarter of its last row as padding, where rows may be of different lengths."""
    values = next(iter(batch.values()))
    if values.ndim != 2:  # noqa: PLR2004 - (B, T): tokens or samples
        return batch
    mask = torch.ones(values.shape, dtype=torch.long)
    mask[-1, -(values.shape[1] // 4) :] = 0
    return {**batch, "attention_mask": mask}


def _program(model: PreTrainedModel, example: Batch, other: Batch, output: str) -> ExportedProgram:
    free = tuple(dict.fromkeys(_free(example[name], other[name]), Dim.DYNAMIC) for name in example)
    traced = _Positional(model, tuple(example), output).eval()
    with torch.no_grad():
        return torch.export.export(traced, tuple(example.values()), dynamic_shapes={"tensors": free}, strict=False)


def _free(example: Tensor, other: Tensor) -> list[int]:
    """Return the axes along which two batches differ."""
    return [axis for axis, (one, two) in enumerate(zip(example.shape, other.shape, strict=True)) if one != two]


@dataclass(frozen=True, slots=True)
class _Job:
    """A traced model on its way into files."""

    program: ExportedProgram
    output: str
    batch: Batch
    out: Path

    def write(self, kind: OutputFormat, wanted: Tensor) -> Exported:
        file = self.out / FILES[kind]
        found = {"pt2": self._pt2, "onnx": self._onnx, "onnx_int8": self._onnx_int8}[kind](file)
        error = _compare(file, wanted, found, ROUNDED if kind == "onnx_int8" else TOLERANCE)
        stored = sum(part.stat().st_size for part in (file, _weights_beside(file)) if part.exists())
        return Exported(kind, file.name, stored, error)

    def _pt2(self, file: Path) -> Tensor:
        torch.export.save(self.program, file)
        with torch.no_grad():
            found: Tensor = torch.export.load(file).module()(*self.batch.values())
        return found

    def _onnx(self, file: Path) -> Tensor:
        with torch.no_grad():  # as traced: where a mask learns, attention is another kernel with another memory layout
            graph = torch.onnx.export(
                self.program, dynamo=True, verbose=False, input_names=list(self.batch), output_names=[self.output]
            )
        if graph is None:
            raise VerificationError("Expected a graph of the model; the exporter gave none.")
        weight_bytes = sum(tensor.nbytes for tensor in self.program.state_dict.values())
        graph.save(file, external_data=weight_bytes > LARGEST_ONNX_BYTES)
        return _run_onnx(file, self.batch)

    def _onnx_int8(self, file: Path) -> Tensor:
        from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - see onnx_session

        with TemporaryDirectory(dir=self.out) as scratch:
            whole = self.out / FILES["onnx"]
            if not whole.exists():
                whole = Path(scratch) / whole.name
                self._onnx(whole)
            large = _weights_beside(whole).exists()
            graph = onnx.load(whole)
        del graph.graph.value_info[:]  # shapes of the example, which the quantizer would hold against free ones
        quantize_dynamic(graph, file, per_channel=True, weight_type=QuantType.QInt8, use_external_data_format=large)
        return _run_onnx(file, self.batch)


def _weights_beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.data")


def onnx_session(file: Path) -> Any:
    """Return *file* opened in ONNX Runtime, on the CPU, with as many threads as torch has now.

    It is imported here because it starts a thread, and workers fork.
    """
    from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.force_spinning_stop", "1")  # threads that wait leave the cores to others
    return InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _run_onnx(file: Path, batch: Batch) -> Tensor:
    """Return what ONNX Runtime makes of *batch*."""
    found = onnx_session(file).run(None, {name: tensor.numpy() for name, tensor in batch.items()})
    return torch.from_numpy(found[0])


def _compare(file: Path, wanted: Tensor, found: Tensor, tolerance: float) -> float:
    error = float((found - wanted).norm() / wanted.norm())
    if not error <= tolerance:  # so that a NaN does not pass
        raise VerificationError(
            f"Expected {file.name} to give what the model gives; its relative error is {error:.2g}. The export is "
            "wrong."
        )
    return error


@contextmanager
def _without_cache(model: PreTrainedModel) -> Iterator[None]:
    """Keep a decoder from giving its cache out as well: no exporter knows what that is."""
    before = getattr(model.config, "use_cache", None)
    if before is not None:
        model.config.use_cache = False
    try:
        yield
    finally:
        if before is not None:
            model.config.use_cache = before


@contextmanager
def quietly() -> Iterator[None]:
    """Drop what exporters and compilers say about themselves on the way; what fails still raises."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
