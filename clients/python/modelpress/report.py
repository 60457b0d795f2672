"""The report of a job: every figure by attribute, a table when printed, shown in a notebook or handed to pandas."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelpress.records import Record
from modelpress.tables import Row, frame_of, html_of, lines_of

HEADER = ("", "dense", "compressed", "kept")


class Report(Record):
    """The whole answer to a request: model, steps, dense, compressed, speedup, fidelity, warnings and the rest.

    That to a plan says the same of what a compression would give, without what only measuring can tell; that to a
    profile has ``profile``, the figures of one model, and ``modules``, where they come from; that to a landscape has
    ``points``, each with its ``values``, and the ``answers`` that they come to.
    ``report.compressed.params_total`` is a figure, ``report.to_json()`` the document, ``print(report)`` the table,
    which a notebook shows by itself, and ``report.to_dataframe()`` has the figures as numbers.
    """

    def to_dataframe(self) -> Any:
        """Return the figures as a data frame of pandas, as numbers.

        A row is a figure, with the columns ``dense``, ``compressed`` and ``kept``, or only ``value`` for a profile;
        of a landscape it is a point, with its state and a column for each of its values.

        Raises:
            ImportError: pandas is not installed.
        """
        if "points" in self:
            return frame_of({each.name: {"state": each.state, **each["values"]} for each in self.points})
        if "profile" in self:
            return frame_of({title: {"value": value} for title, value, _ in _profile_figures(self)})
        return frame_of({title: _kept(dense, compressed) for title, dense, compressed in _pairs(self)})

    def __str__(self) -> str:
        return "\n".join([*lines_of(self._rows()), *self._remarks()])

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_of(self._rows(), self._remarks())

    def _rows(self) -> list[Row]:
        """Return the table of the figures."""
        if "points" in self:
            return list(_landscape_rows(self))
        if "profile" in self:
            return [(title, text) for title, _, text in _profile_figures(self)]
        return [HEADER, *(_row(*pair) for pair in _pairs(self))]

    def _remarks(self) -> list[str]:
        """Return what is to be said under the table."""
        if "points" in self:
            return [*self.answers, *_warnings(self)]
        if "profile" in self:
            return [*_profile_lines(self), *_quality_lines(self), *_warnings(self)]
        speedups = (verdict(each, _shape(each.input)) for each in self.get("speedup") or ())
        return [*speedups, *_runtime_lines(self), *_fidelity_lines(self), *_quality_lines(self), *_warnings(self)]


Pair = tuple[str, float | None, float | None]
"""A figure's title, and what it was and is."""

_MODEL_FIGURES = {
    "params_total": "parameters",
    "params_nonzero": "parameters, non-zero",
    "params_encoder": "parameters, encoder",
    "params_encoder_nonzero": "parameters, encoder, non-zero",
    "bytes_stored": "bytes stored",
    "peak_memory_bytes": "bytes of memory at peak",
}
_INPUT_FIGURES = {"macs_executed": "MACs executed", "macs_theoretical": "MACs without zeros"}


def _pairs(report: Record) -> Iterator[Pair]:
    yield from _both(_MODEL_FIGURES, "", report.dense, report.compressed)
    for dense, compressed in zip(report.dense.inputs, report.compressed.inputs, strict=False):
        shape = _shape(dense.input)
        yield from _both(_INPUT_FIGURES, f", {shape}", dense, compressed)
        if dense.get("latency_ms") is not None:
            yield f"latency [ms], {shape}", dense.latency_ms.p50, compressed.latency_ms.p50
        if dense.get("real_time_factor") is not None:
            yield f"real-time factor, {shape}", dense.real_time_factor, compressed.real_time_factor
    for each in report.get("runtimes") or ():
        yield f"latency [ms] under {each.runtime}, {_shape(each.input)}", each.dense.p50, each.compressed.p50


def _runtime_lines(report: Record) -> Iterator[str]:
    for each in report.get("runtimes") or ():
        shape = _shape(each.input)
        yield verdict(each.speedup, f"{shape}, under {each.runtime}")
        yield verdict(each.gain, f"{shape}, of {each.runtime} itself")
        yield verdict(each.overall, f"{shape}, of both")


def _profile_figures(report: Record) -> Iterator[tuple[str, float | None, str]]:
    """Yield each figure's title, its value, and the value as it is shown."""
    profile = report.profile
    for field, title in _MODEL_FIGURES.items():
        yield title, profile.get(field), _figure(profile.get(field))
    for each in profile.inputs:
        shape = _shape(each.input)
        for field, title in _INPUT_FIGURES.items():
            yield f"{title}, {shape}", each.get(field), _figure(each.get(field))
        if (latency := each.get("latency_ms")) is not None:
            yield f"latency [ms], {shape}", latency.p50, _spread(latency)
        if (factor := each.get("real_time_factor")) is not None:
            yield f"real-time factor, {shape}", factor, _figure(factor)
    for each in report.get("runtimes") or ():
        title = f"latency [ms] under {each.runtime}, {_shape(each.input)}"
        yield title, each.latency_ms.p50, _spread(each.latency_ms)


def _profile_lines(report: Record) -> Iterator[str]:
    for each in report.get("runtimes") or ():
        yield verdict(each.gain, f"{_shape(each.input)}, of {each.runtime}")


_POINT_FIGURES = {
    "params_total": "parameters",
    "macs_executed": "MACs",
    "latency_relative": "time / dense",
    "fidelity_cosine": "cosine to dense",
}


def _landscape_rows(report: Record) -> Iterator[Row]:
    yield "", "state", *_POINT_FIGURES.values()
    for point in report.points:
        figures = (_figure(_whole(point["values"].get(name))) for name in _POINT_FIGURES)
        yield point.name, point.state, *figures


def _both(figures: Mapping[str, str], suffix: str, dense: Record, compressed: Record) -> Iterator[Pair]:
    """Yield those of the *figures* that either has: a plan has fewer than a report."""
    for field, title in figures.items():
        before, after = dense.get(field), compressed.get(field)
        if before is not None or after is not None:
            yield f"{title}{suffix}", before, after


def _kept(dense: float | None, compressed: float | None) -> dict[str, float | None]:
    share = compressed / dense if dense and compressed is not None else None
    return {"dense": dense, "compressed": compressed, "kept": share}


def _row(title: str, dense: float | None, compressed: float | None) -> Row:
    share = _kept(dense, compressed)["kept"]
    return title, _figure(dense), _figure(compressed), "–" if share is None else f"{share:.1%}"


def _whole(value: float | None) -> float | None:
    """Return a count as what it is, though all values of a landscape travel as numbers of one kind."""
    return int(value) if value is not None and float(value).is_integer() else value


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _shape(spec: Record) -> str:
    lengths = [f"{spec[unit]:g} {unit}" for unit in ("seconds", "tokens", "pixels") if spec.get(unit) is not None]
    return " × ".join([str(spec.get("batch_size", 1)), *lengths])


def _spread(latency: Record) -> str:
    return f"{latency.p50:,.4g} (half of {latency.n} within {latency.iqr:.2g})"


def verdict(speedup: Record, on: str) -> str:
    """Return what *speedup* shows *on* an input: that it is one, that it is the opposite, or neither."""
    found = f"{speedup.ratio:.2f} (95 % interval {speedup.low:.2f} to {speedup.high:.2f})"
    if not speedup.conclusive:
        return f"No speed-up shown, {on}: {found}"
    return f"{'Speed-up' if speedup.ratio > 1 else 'Slower'}, {on}: {found}"


def _warnings(report: Record) -> list[str]:
    return [f"Warning: {each}" for each in report.get("warnings") or ()]


def _fidelity_lines(report: Record) -> Iterator[str]:
    for field, title in (("fidelity_before_recovery", "Fidelity before recovery"), ("fidelity", "Fidelity")):
        if (found := report.get(field)) is not None:
            close = f"cosine {found.cosine:.4f}, relative error {found.relative_error:.4f}"
            yield f"{title} to the dense model: {close}, {found.samples} samples of {found.source} inputs"


def _quality_lines(report: Record) -> Iterator[str]:
    """Yield a line for each probe: of one model, or before and after."""
    for each in report.get("quality") or ():
        states = ("score",) if "score" in each else ("dense", "before_recovery", "compressed")
        found = [_interval(each[state]) for state in states if each.get(state) is not None]
        yield f"{each.probe.capitalize()} of {each.label}, {each.metric}: {' -> '.join(found)}"


def _interval(score: Record) -> str:
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"
