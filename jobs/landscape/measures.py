"""What the points of a landscape are compared by, and how each figure was taken, as the reports say."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jobs.contract.landscape import Measure
from jobs.landscape.readings import inputs_of, keyed, probes_of, timed_inputs_of
from jobs.landscape.wording import listed, of_input, spread

Report = Mapping[str, Any]

_SIZES = (
    ("params_total", "Parameters", "", "Numbers in the weights, a shared one once."),
    ("params_nonzero", "Parameters that are not zero", "", "Numbers in the weights that are not zero."),
    ("params_encoder", "Parameters of the encoder", "", "Numbers in the weights of the Transformer layers."),
    (
        "params_encoder_nonzero",
        "Parameters of the encoder that are not zero",
        "",
        "Numbers in the weights of the Transformer layers that are not zero.",
    ),
    ("bytes_stored", "Weights on disk", "bytes", "Size of the weight files."),
    (
        "peak_memory_bytes",
        "Memory of one pass",
        "bytes",
        "Weights and the most that is alive at once in one forward pass, of the inputs the one that needs most.",
    ),
)

_METRICS = {"spearman": "Spearman's rank correlation"}
"""What an axis calls the metrics whose names are no words."""


def measures_of(reports: Sequence[Report]) -> tuple[Measure, ...]:
    """Return the measures that *reports* have figures for: costs first, the chief input before others."""
    if not reports:
        return ()
    sizes = (Measure(name, title, unit, "cost", "lower", how) for name, title, unit, how in _SIZES)
    counted = (each for given in _by_place(reports, inputs_of) for each in _macs(given))
    timed = (each for given in _by_place(reports, timed_inputs_of) for each in _times(given))
    return (*sizes, *counted, *timed, *_probed(reports), *_closeness(reports))


@dataclass(frozen=True, slots=True)
class _Input:
    """What all reports say of one input: *told* in titles where there are others."""

    place: int
    figures: tuple[Report, ...]
    told: bool

    @property
    def words(self) -> str:
        return of_input(self.figures[0]["input"])

    def has(self, name: str) -> bool:
        return any(each[name] is not None for each in self.figures)

    def cost(self, name: str, title: str, unit: str, protocol: str) -> Measure:
        suffix = f" ({self.words})" if self.told else ""
        return Measure(keyed(name, self.place), title + suffix, unit, "cost", "lower", protocol)


def _by_place(reports: Sequence[Report], inputs: Callable[[Report], Sequence[Report]]) -> Iterator[_Input]:
    every = [inputs(each["compressed"]) for each in reports]
    count = max(map(len, every))
    for place in range(count):
        yield _Input(place, tuple(each[place] for each in every if place < len(each)), told=count > 1)


def _times(given: _Input) -> Iterator[Measure]:
    """Yield the wall-clock's measures; relative to the dense model first, which machines share best."""
    if not given.has("latency_ms"):
        return
    yield given.cost("latency_relative", "Wall-clock relative to dense", "× dense", _pairs(given))
    yield given.cost("latency_ms", "Wall-clock of one pass", "ms", _passes(given))
    if given.has("real_time_factor"):
        how = f"{_passes(given).removesuffix('.')}, divided by the seconds of audio."
        yield given.cost("real_time_factor", "Real-time factor", "s per s of audio", how)


def _macs(given: _Input) -> Iterator[Measure]:
    left_out = sorted({name for each in given.figures for name in each["uncounted_ops"]})
    but = f"; without {', '.join(left_out)}, which have no formula" if left_out else ""
    executed = f"Counted while a forward pass runs on {given.words}: what dense kernels multiply{but}."
    theoretical = f"Counted likewise, without products with a stored zero: dense kernels do not save these{but}."
    yield given.cost("macs_executed", "MACs of one pass", "MACs", executed)
    yield given.cost("macs_theoretical", "MACs of one pass without stored zeros", "MACs", theoretical)
    if given.has("macs_per_second"):
        title = "MACs per second of audio"
        yield given.cost("macs_per_second", title, "MACs/s", executed)
        yield given.cost("macs_per_second_theoretical", f"{title} without stored zeros", "MACs/s", theoretical)


def _pairs(given: _Input) -> str:
    return (
        f"Median of the ratios of {_count(given)} pairs of passes, the result beside the dense model in one run, on "
        f"{given.words}; {_place(given)}; 95 % interval by bootstrap over the pairs."
    )


def _passes(given: _Input) -> str:
    return (
        f"Median of {_count(given)} passes on {given.words}; {_place(given)}; "
        "of the dense model, the median over the runs that it was timed in."
    )


def _count(given: _Input) -> str:
    return spread(each["latency_ms"]["n"] for each in given.figures if each["latency_ms"])


def _place(given: _Input) -> str:
    """Return on what passes were timed, and whether nothing else ran there."""
    timed = [each["latency_ms"] for each in given.figures if each["latency_ms"]]
    places = {f"{each['threads']} thread(s), {each['device']}, {each['dtype']}": None for each in timed}
    disturbed = sum(not each["alone"] for each in timed)
    busy = f"other jobs computed there meanwhile for {disturbed} of {len(timed)} points"
    return f"{listed(list(places), 'or')}; {busy if disturbed else 'no other job computed there meanwhile'}"


def _probed(reports: Sequence[Report]) -> Iterator[Measure]:
    found = {name: each for report in reports for name, each in probes_of(report).items()}
    for name, each in found.items():
        metric = _METRICS.get(each["metric"], each["metric"].replace("_", " ").capitalize())
        title = f"{metric} ({each['label']})"
        yield Measure(name, title, "", "quality", each["better"], each["protocol"])


def _closeness(reports: Sequence[Report]) -> Iterator[Measure]:
    how = _compared(each["fidelity"] for each in reports)
    yield _of_closeness("fidelity_cosine", "Cosine to the dense model", "higher", f"Mean over positions of {how}")
    title = "Relative error to the dense model"
    yield _of_closeness("fidelity_relative_error", title, "lower", f"|difference| / |dense output| over {how}")


def _of_closeness(name: str, title: str, better: Literal["lower", "higher"], protocol: str) -> Measure:
    return Measure(name, title, "", "quality", better, protocol)


_SOURCES = {
    "held_out": "sequences of the data that no step has seen",
    "calibration": "sequences of the data, which the steps have seen",
    "synthetic": "made-up sequences, which say little about quality",
}


def _compared(fidelities: Iterable[Report]) -> str:
    """Return on what last hidden states were compared, as the end of a sentence."""
    samples: dict[str, set[int]] = {}
    for each in fidelities:
        samples.setdefault(each["source"], set()).add(each["samples"])
    on = [f"{spread(counts)} {_SOURCES.get(source, source)}" for source, counts in samples.items()]
    return f"the last hidden states of {listed(on, 'or')}; the dense model's own is so by definition; no interval."
