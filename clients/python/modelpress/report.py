"""The report of a job: every figure by attribute, and a table when printed."""

from collections.abc import Iterator, Mapping, Sequence

from modelpress.records import Record

HEADER = ("", "dense", "compressed", "kept")


class Report(Record):
    """The whole answer to a request: model, steps, dense, compressed, speedup, fidelity, warnings and the rest.

    That to a plan says the same of what a compression would give, without what only measuring can tell; that to a
    profile has ``profile``, the figures of one model, and ``modules``, where they come from; that to a landscape has
    ``points``, each with its ``values``, and the ``answers`` that they come to.
    ``report.compressed.params_total`` is a figure, ``report.to_json()`` the document, ``print(report)`` the table.
    """

    def __str__(self) -> str:
        if "points" in self:
            return "\n".join([*_landscape_lines(self), *self.answers, *_warnings(self)])
        if "profile" in self:
            return "\n".join([*_profile_lines(self), *_quality_lines(self), *_warnings(self)])
        lines = list(_table([HEADER, *_model_rows(self), *_input_rows(self), *_runtime_rows(self)]))
        lines += [verdict(each, _shape(each.input)) for each in self.get("speedup") or ()]
        lines += _runtime_lines(self)
        lines += _fidelity_lines(self)
        lines += _quality_lines(self)
        return "\n".join([*lines, *_warnings(self)])


Row = tuple[str, ...]

_MODEL_FIGURES = {
    "params_total": "parameters",
    "params_nonzero": "parameters, non-zero",
    "params_encoder": "parameters, encoder",
    "params_encoder_nonzero": "parameters, encoder, non-zero",
    "bytes_stored": "bytes stored",
    "peak_memory_bytes": "bytes of memory at peak",
}
_INPUT_FIGURES = {"macs_executed": "MACs executed", "macs_theoretical": "MACs without zeros"}


def _model_rows(report: Record) -> Iterator[Row]:
    yield from _rows(_MODEL_FIGURES, "", report.dense, report.compressed)


def _input_rows(report: Record) -> Iterator[Row]:
    for dense, compressed in zip(report.dense.inputs, report.compressed.inputs, strict=False):
        shape = _shape(dense.input)
        yield from _rows(_INPUT_FIGURES, f", {shape}", dense, compressed)
        if dense.get("latency_ms") is not None:
            yield _row(f"latency [ms], {shape}", dense.latency_ms.p50, compressed.latency_ms.p50)
        if dense.get("real_time_factor") is not None:
            yield _row(f"real-time factor, {shape}", dense.real_time_factor, compressed.real_time_factor)


def _runtime_rows(report: Record) -> Iterator[Row]:
    for each in report.get("runtimes") or ():
        yield _row(f"latency [ms] under {each.runtime}, {_shape(each.input)}", each.dense.p50, each.compressed.p50)


def _runtime_lines(report: Record) -> Iterator[str]:
    for each in report.get("runtimes") or ():
        shape = _shape(each.input)
        yield verdict(each.speedup, f"{shape}, under {each.runtime}")
        yield verdict(each.gain, f"{shape}, of {each.runtime} itself")
        yield verdict(each.overall, f"{shape}, of both")


def _profile_lines(report: Record) -> Iterator[str]:
    profile = report.profile
    rows = [(title, _figure(profile.get(field))) for field, title in _MODEL_FIGURES.items()]
    for each in profile.inputs:
        shape = _shape(each.input)
        rows += [(f"{title}, {shape}", _figure(each.get(field))) for field, title in _INPUT_FIGURES.items()]
        if (latency := each.get("latency_ms")) is not None:
            rows.append((f"latency [ms], {shape}", _spread(latency)))
        if (factor := each.get("real_time_factor")) is not None:
            rows.append((f"real-time factor, {shape}", _figure(factor)))
    further = report.get("runtimes") or ()
    rows += [(f"latency [ms] under {each.runtime}, {_shape(each.input)}", _spread(each.latency_ms)) for each in further]
    yield from _table(rows)
    yield from (verdict(each.gain, f"{_shape(each.input)}, of {each.runtime}") for each in further)


_POINT_FIGURES = {
    "params_total": "parameters",
    "macs_executed": "MACs",
    "latency_relative": "time / dense",
    "fidelity_cosine": "cosine to dense",
}


def _landscape_lines(report: Record) -> Iterator[str]:
    rows = [("", "state", *_POINT_FIGURES.values())]
    for point in report.points:
        figures = (_figure(_whole(point["values"].get(name))) for name in _POINT_FIGURES)
        rows.append((point.name, point.state, *figures))
    return _table(rows)


def _rows(figures: Mapping[str, str], suffix: str, dense: Record, compressed: Record) -> Iterator[Row]:
    """Yield a row for each of the *figures* that either has: a plan has fewer than a report."""
    for field, title in figures.items():
        before, after = dense.get(field), compressed.get(field)
        if before is not None or after is not None:
            yield _row(f"{title}{suffix}", before, after)


def _row(title: str, dense: float | None, compressed: float | None) -> Row:
    kept = f"{compressed / dense:.1%}" if dense and compressed is not None else "–"
    return title, _figure(dense), _figure(compressed), kept


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


def _table(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
