"""What a page says of figures, without how it looks."""

import page_reports
import pytest

from jobs.contract.quality import Fidelity
from jobs.contract.timing import Speedup
from service.pages import words
from service.pages.reports import page_of


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (words.count(1234567), "1 234 567"),
        (words.size(999), "999 bytes"),
        (words.size(438_012_345), "438.0 MB"),
        (words.size(3e15), "3000.0 TB"),
        (words.number(0.123456), "0.1235"),
        (words.number(12.0), "12"),
        (words.percent(1, 3), "33.3 %"),
        (words.percent(1, 0), "–"),
        (words.duration(1.25), "1.25 s"),
        (words.duration(187), "3 min 7 s"),
        (words.duration(1e-5), "under 0.01 s"),
        (words.duration(7260), "2 h 1 min"),
        (
            words.value({"heads_kept": [1, 2], "scope": None, "reconstruct": True}),
            "heads kept 1, 2; scope –; reconstruct yes",
        ),
        (
            words.length({"kind": "audio", "batch_size": 1, "preset": "superb", "seconds": None}),
            "the utterances of superb",
        ),
        (words.length({"kind": "image", "batch_size": 2}), "batch 2, image"),
    ],
)
def test_figures_in_words(said: str, text: str) -> None:
    """Counts have their thousands apart, sizes and times suit their unit, and values are words."""
    assert said.replace("\u202f", " ") == text


def test_a_row_has_both_figures_and_what_is_left() -> None:
    """Each figure of the dense model stands beside the result's."""
    shown = page_of(page_reports.compression())
    rows = {row[0]: [cell.replace("\u202f", " ") for cell in row[1:]] for row in shown.tables[0].rows}

    assert rows["Parameters"] == ["94 000 000", "47 000 000", "50.0 %"]
    assert rows["Bytes stored"] == ["376.0 MB", "188.0 MB", "50.0 %"]
    assert rows["Wall-clock [ms], batch 1, 10 s of audio"] == ["400.00 ± 1.00", "250.00 ± 1.00", "62.5 %"]
    assert "median of 20 passes" in shown.tables[0].notes[0]


@pytest.mark.parametrize(
    ("ratio", "conclusive", "word"),
    [(1.6, True, "Faster"), (0.8, True, "Slower"), (1.02, False, "No difference in time")],
)
def test_only_a_conclusive_interval_is_called_faster(ratio: float, conclusive: bool, word: str) -> None:
    """A speed-up whose interval includes 1 is not called one."""
    speedup = (Speedup(page_reports.SECONDS, ratio, ratio - 0.1, ratio + 0.1, conclusive=conclusive),)

    assert page_of(page_reports.compression(speedup=speedup)).lead[1].startswith(word)


def test_says_what_closeness_was_judged_on() -> None:
    """Random inputs are called what they are."""
    shown = page_of(page_reports.compression(fidelity=Fidelity(0.9, 0.1, 2, "synthetic")))

    assert "random inputs, which say little" in shown.tables[2].notes[0]


def test_a_native_result_has_one_way_in() -> None:
    """What plain transformers opens needs no more than that."""
    (way,) = page_of(page_reports.compression(door="native", opens_with="AutoModel")).ways

    assert way.code == "from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained(folder)"


def test_a_report_without_times_is_shown_without() -> None:
    """A model that went from disk to disk was not timed, and its page claims nothing about time."""
    report = page_reports.compression(speedup=(), quality=(), exports=(), runtimes=())
    for side in ("dense", "compressed"):
        report[side]["inputs"] = [{**report[side]["inputs"][0], "latency_ms": None, "real_time_factor": None}]
    shown = page_of(report)

    assert [row[0] for row in shown.tables[0].rows if "ms" in row[0]] == []
    assert len(shown.lead) == 1
    assert [table.caption for table in shown.tables] == [
        "Before and after",
        "Closeness to the dense model",
        "What was done",
    ]


def test_other_runtimes_stand_beside_plain_pytorch() -> None:
    """Times under another runtime say which, and what the runtime itself gains is told apart."""
    compressed, profiled = page_of(page_reports.compression()), page_of(page_reports.profiled())
    runtime = "onnxruntime, batch 1, 10 s of audio"
    gain = "2.00, 95 % interval 1.90 to 2.10"

    assert "Faster on batch 1, 10 s of audio, under onnxruntime: dense over compressed 1.60" in compressed.lead[2]
    assert compressed.tables[1].rows == [[runtime, "200.00 ± 1.00", "125.00 ± 1.00", gain]]
    assert profiled.tables[1].rows == [[runtime, "200.00 ± 1.00", gain]]


def test_quality_has_its_interval_and_its_protocol() -> None:
    """A probe's score is said with its interval, which way is better, and how it was taken; layers come one by one."""
    compressed, profiled = page_of(page_reports.compression()), page_of(page_reports.profiled())
    probe = "classification, speaker: accuracy, higher is better"

    assert compressed.tables[3].rows == [[probe, "0.950 (0.900 to 0.990)", "–", "0.850 (0.800 to 0.900)", "–"]]
    assert compressed.tables[3].notes == ["A linear probe on the mean of the last hidden states."]
    assert compressed.details.rows == [["0, of the dense model's 1", "0.9900", "0.9950", "0.1000"]]
    assert profiled.tables[2].rows == [[probe, "0.950 (0.900 to 0.990)", "200"]]
