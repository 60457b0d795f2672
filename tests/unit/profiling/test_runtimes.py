"""Models under runtimes other than plain PyTorch, most of them made up."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import Modality
from jobs.contract.errors import CancelledError
from jobs.contract.spec import InputSpec, ProfileSpec
from jobs.profiling import runtimes
from jobs.profiling.latency import Pass
from jobs.profiling.profile import Input, inputs_of
from jobs.profiling.runtimes import Passes, Timed, figures_alone, figures_of_pair, time_runtimes
from tests.tiny import tiny

SHORT, LONG = InputSpec("text", tokens=4), InputSpec("text", tokens=9)
PLAIN_MS, DENSE_MS, COMPRESSED_MS = 600.0, 400.0, 200.0


class Shelf:
    """Runtimes that compute nothing: their passes, and those of plain PyTorch, take as long as they are said to."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.made: list[tuple[int, Modality, Path]] = []
        self.refuses: InputSpec | None = None

    def make(self, model: PreTrainedModel, modality: Modality, scratch: Path) -> Passes:
        """Stand for a compiler: of the first model it makes passes called dense, of the second compressed."""
        name = ("dense", "compressed")[len(self.made) % 2]
        self.made.append((model.config.num_hidden_layers, modality, scratch))

        def passes(given: Input) -> Pass:
            if given.spec == self.refuses:
                raise ValueError("This length does not suit me.\nBecause of much else.")
            return lambda: self.ran.append(name)

        return passes

    def stopwatch(self, run: Pass) -> float:
        """Run, and return how long that kind of pass takes [ms]."""
        before = len(self.ran)
        run()
        if len(self.ran) == before:
            self.ran.append("plain")
        return {"plain": PLAIN_MS, "dense": DENSE_MS, "compressed": COMPRESSED_MS}[self.ran[-1]]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Give the made-up runtimes, in the place of both real ones."""
    found = Shelf()
    monkeypatch.setattr(runtimes, "MAKERS", {"torch_compile": found.make, "onnxruntime": found.make})
    return found


def timed(
    shelf: Shelf, inputs: tuple[InputSpec, ...], *asked: str, layers: tuple[int, ...] = (2, 1), repeats: int = 6
) -> tuple[tuple[Timed, ...], tuple[str, ...]]:
    """Return what is found out about tiny models of so many layers."""
    models = [tiny("bert", layers=count) for count in layers]
    spec = ProfileSpec(inputs, threads=1, repeats=repeats, runtimes=asked)
    return time_runtimes(
        models,
        spec,
        inputs_of(spec, "text", models[0].config),
        modality="text",
        scratch=Path("/scratch"),
        stopwatch=shelf.stopwatch,
    )


def test_a_runtime_is_told_apart_from_what_was_compressed(shelf: Shelf) -> None:
    """Of 600 ms in plain PyTorch the runtime leaves 400, and compression half of these: 1.5 times 2 makes 3."""
    (found,), notes = timed(shelf, (SHORT,), "eager", "torch_compile")

    figures = figures_of_pair(found)

    assert (figures.runtime, figures.input, notes) == ("torch_compile", SHORT, ())
    assert (figures.dense.p50, figures.compressed.p50) == (DENSE_MS, COMPRESSED_MS)
    assert (figures.dense.threads, figures.dense.n, figures.dense.alone) == (1, 6, True)
    assert [figures.gain.ratio, figures.speedup.ratio, figures.overall.ratio] == [1.5, 2.0, 3.0]
    assert all(each.conclusive for each in (figures.gain, figures.speedup, figures.overall))
    assert min(figures.dense_prepared_s, figures.compressed_prepared_s) >= 0


def test_all_three_take_turns(shelf: Shelf) -> None:
    """Plain PyTorch and both models under the runtime run next to each other, in an order that turns round."""
    timed(shelf, (SHORT,), "onnxruntime")

    assert shelf.ran[-6:] == ["plain", "dense", "compressed", "compressed", "dense", "plain"]
    assert shelf.made == [(2, "text", Path("/scratch")), (1, "text", Path("/scratch"))]


def test_one_model_is_timed_beside_itself_in_plain_pytorch(shelf: Shelf) -> None:
    """Without a second model there is one latency, and what the runtime gains."""
    (found,), _ = timed(shelf, (SHORT,), "onnxruntime", layers=(2,))

    figures = figures_alone(found)

    assert (figures.latency_ms.p50, figures.gain.ratio) == (DENSE_MS, 1.5)


def test_plain_pytorch_alone_costs_nothing(shelf: Shelf) -> None:
    """Where no further runtime is asked for, none is made; nor is one timed on an input that is not to be timed."""
    untimed = InputSpec("text", tokens=4, timed=False)

    assert timed(shelf, (SHORT,), "eager") == ((), ())
    assert timed(shelf, (untimed,), "onnxruntime") == ((), ())
    assert shelf.ran == []


def test_each_input_has_its_own_figures_and_its_own_failure(shelf: Shelf) -> None:
    """A runtime that cannot take one input is said to, in its first words, and timed on the others."""
    shelf.refuses = SHORT

    found, notes = timed(shelf, (SHORT, LONG), "torch_compile")

    assert [each.spec for each in found] == [LONG]
    assert notes == ("torch_compile was not timed on 1 × 4 tokens: ValueError: This length does not suit me.",)


def test_a_runtime_that_takes_no_such_model_costs_a_note(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be exported is named, and the other runtime is timed all the same."""

    def broken(model: PreTrainedModel, modality: Modality, scratch: Path) -> Passes:
        raise RuntimeError("No such operator: inverse")

    monkeypatch.setattr(runtimes, "MAKERS", {"onnxruntime": broken, "torch_compile": shelf.make})

    found, notes = timed(shelf, (SHORT,), "onnxruntime", "torch_compile")

    assert [each.runtime for each in found] == ["torch_compile"]
    assert notes == ("onnxruntime was not timed: RuntimeError: No such operator: inverse.",)


def test_compiling_comes_to_an_end(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the time for it is over nothing more is compiled, which is said."""
    monkeypatch.setattr(runtimes, "PREPARED_WITHIN_S", -1.0)

    found, notes = timed(shelf, (SHORT,), "torch_compile")

    assert (found, shelf.made) == ((), [])
    assert "are over in which runtimes are prepared" in notes[0]


def test_a_caller_who_changes_their_mind_is_heard(shelf: Shelf) -> None:
    """Cancelling is no failure of the runtime: it ends the job."""
    model, spec = tiny("bert"), ProfileSpec((SHORT,), repeats=6, runtimes=("onnxruntime",))

    def enough(done: int, total: int) -> None:
        raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        time_runtimes(
            (model,), spec, inputs_of(spec, "text", model.config), modality="text", scratch=Path("/"), progress=enough
        )


def test_a_busy_machine_is_told(shelf: Shelf) -> None:
    """Quiet is asked for while passes are timed, and not while they are made."""
    seen: list[int] = []

    @contextmanager
    def never_alone() -> Iterator[bool]:
        seen.append(len(shelf.made))
        yield False

    model, spec = tiny("bert"), ProfileSpec((SHORT,), repeats=6, runtimes=("onnxruntime",))
    (found,), _ = time_runtimes(
        (model,),
        spec,
        inputs_of(spec, "text", model.config),
        modality="text",
        scratch=Path("/"),
        quiet=never_alone,
        stopwatch=shelf.stopwatch,
    )

    assert seen == [1]
    assert not figures_alone(found).latency_ms.alone


def really(asked: str, scratch: Path, kind: str = "text", dtype: torch.dtype = torch.float32) -> tuple[list, tuple]:
    """Return what a real runtime makes of two tiny models, and its notes."""
    family = {"text": "bert", "audio": "hubert"}[kind]
    models = [tiny(family, layers=count).to(dtype) for count in (2, 1)]
    length = InputSpec("text", tokens=6) if kind == "text" else InputSpec("audio", seconds=0.1)
    spec = ProfileSpec((length,), repeats=6, runtimes=(asked,))
    inputs = inputs_of(spec, kind, models[0].config)
    found, notes = time_runtimes(models, spec, inputs, modality=kind, scratch=scratch)
    return [figures_of_pair(each) for each in found], notes


@pytest.mark.parametrize("kind", ["text", pytest.param("audio", marks=pytest.mark.slow)])
def test_onnx_runtime_is_timed_for_real(tmp_path: Path, kind: str) -> None:
    """Both models run as the artifact's own export, in less time the fewer layers there are; nothing stays behind."""
    (figures,), notes = really("onnxruntime", tmp_path, kind)

    assert notes == ()
    assert figures.dense.p50 > figures.compressed.p50 > 0
    assert figures.dense_prepared_s > figures.dense.p50 / 1000
    assert list(tmp_path.iterdir()) == []


def test_onnx_runtime_takes_single_precision(tmp_path: Path) -> None:
    """A model in half precision is not exported for it, and the reason is told."""
    assert really("onnxruntime", tmp_path, dtype=torch.bfloat16) == (
        [],
        ("onnxruntime was not timed: it takes models in float32 on the CPU; this one is in bfloat16 on cpu.",),
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_torch_compile_is_timed_for_real(tmp_path: Path) -> None:
    """Both models run compiled, for which the seconds are told; nothing stays behind."""
    (figures,), notes = really("torch_compile", tmp_path)

    assert notes == ()
    assert figures.dense.p50 > figures.compressed.p50 > 0
    assert figures.compressed_prepared_s > 0.5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_without_a_compiler_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a C++ compiler torch.compile is named as missing, and nothing fails."""
    from torch._inductor import config  # noqa: PLC0415 - two seconds that other tests need not wait

    monkeypatch.setattr(config.cpp, "cxx", (None, "/nonexistent/g++"))

    found, notes = really("torch_compile", tmp_path)

    assert found == []
    assert notes[0].startswith("torch_compile was not timed on 1 × 6 tokens: InductorError: InvalidCxxCompiler")
