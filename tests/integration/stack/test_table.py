"""The demo's table and its data."""

import wave
from pathlib import Path

from modelpress.report import Report

from deploy.demo.data import SAMPLE_RATE_HZ, WORDS_MIN, write_sentences, write_voices
from deploy.demo.table import HEADER, Result, render


def profile(params: int, ms: float, factor: float | None) -> dict[str, object]:
    """Return the figures of one model."""
    measured = {
        "macs_executed": 1_000 * params,
        "macs_theoretical": 500 * params,
        "latency_ms": {"p50": ms},
        "real_time_factor": factor,
    }
    return {"params_total": params, "params_nonzero": params - 1, "bytes_stored": 4 * params, "inputs": [measured]}


def report(*, factor: float | None = None) -> Report:
    """Return a report on a model of 20 M parameters that lost half."""
    return Report(
        {
            "dense": profile(20_000_000, 40.0, factor),
            "compressed": profile(10_000_000, 25.0, factor),
            "speedup": [{"ratio": 1.6, "low": 1.5, "high": 1.7, "conclusive": True}],
            "fidelity": {"cosine": 0.98765},
        }
    )


def test_a_row_for_the_dense_model_and_each_result() -> None:
    """The table has a header, a rule, the dense model and one row for each result."""
    lines = render("dense", [Result("heads", report()), Result("weights", report())]).splitlines()

    assert [line.split()[0] for line in lines[2:]] == ["dense", "heads", "weights"]
    assert all(title in lines[0] for title in HEADER)


def test_figures_are_read_from_the_report() -> None:
    """Sizes, times, speed-up and fidelity are the report's."""
    row = render("dense", [Result("heads", report())]).splitlines()[-1]

    assert row.split() == [
        "heads",
        "10.00",
        "M",
        "10.00",
        "M",
        "10.00",
        "G",
        "5.00",
        "G",
        "40.0",
        "25.0",
        "1.60",
        "[1.50,",
        "1.70]",
        "0.9877",
        "40.0",
    ]


def test_speech_has_its_real_time_factor() -> None:
    """A report on audio shows seconds of compute per second of audio."""
    assert "0.123" in render("dense", [Result("heads", report(factor=0.123))])


def test_a_report_without_times_leaves_their_cells_empty() -> None:
    """A model that went by layers from disk to disk has sizes, MACs and fidelity."""
    untimed = report().to_json() | {"speedup": []}
    for side in ("dense", "compressed"):
        untimed[side]["inputs"][0]["latency_ms"] = None
    row = render("dense", [Result("heads", Report(untimed))]).splitlines()[-1]

    assert row.split() == ["heads", "10.00", "M", "10.00", "M", "10.00", "G", "5.00", "G", "0.9877", "40.0"]


def test_what_is_no_speed_up_is_not_called_one() -> None:
    """A ratio whose interval holds 1 gives way to the word none, the interval beside it."""
    undecided = report().to_json() | {"speedup": [{"ratio": 1.02, "low": 0.97, "high": 1.05, "conclusive": False}]}

    row = render("dense", [Result("weights", Report(undecided))]).splitlines()[-1]

    assert "none [0.97, 1.05]" in row
    assert "1.02" not in row


def test_sentences_are_whole_lines(tmp_path: Path) -> None:
    """The text holds as many different lines as asked for, each of several words."""
    lines = write_sentences(tmp_path / "text.txt", 50).read_text().splitlines()

    assert len(set(lines)) == 50
    assert min(len(line.split()) for line in lines) >= WORDS_MIN


def test_voices_are_audible_and_differ(tmp_path: Path) -> None:
    """Each file has the length asked for, is neither silent nor clipped, and is like no other."""
    sounds = []
    for path in sorted(write_voices(tmp_path, 3, 0.25).iterdir()):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnframes()) == (SAMPLE_RATE_HZ, SAMPLE_RATE_HZ // 4)
            sounds.append(memoryview(file.readframes(file.getnframes())).cast("h").tolist())

    assert len({tuple(each) for each in sounds}) == 3
    assert all(1_000 < max(each) < 32_767 for each in sounds)
