"""The model card: what was done to the model, what it costs now, and the lines that load it."""

from collections.abc import Iterator, Mapping
from typing import Any

from transformers import CONFIG_MAPPING, AutoModel

from jobs.checkpoint.plan import Plan
from jobs.checkpoint.restore import MODEL_TYPE, auto_classes, models_of
from jobs.contract.loading import ways
from jobs.contract.spec import Json


def card(report: Json, plan: Plan, config: Json) -> str:
    """Return ``README.md`` for an artifact.

    Args:
        report: the report's JSON.
        plan: how the result differs from its stock class.
        config: the artifact's ``config.json``.
    """
    said = (_head(report, config), _steps(report), _figures(report), *_quality(report), *_layers(report))
    return "\n\n".join((*said, _loading(plan, config), _files(plan))) + "\n"


def auto_class(config: Json) -> str:
    """Return the Auto class that opens what *config* describes: AutoModel for a base model, or its head's."""
    family = config["base_model_type"] if config.get("model_type") == MODEL_TYPE else config["model_type"]
    name = (config.get("architectures") or [""])[0]
    for auto in (AutoModel, *auto_classes()):
        if name in {model.__name__ for model in models_of(auto, CONFIG_MAPPING[family])}:
            return str(auto.__name__)
    return "AutoModel"


def _head(report: Json, config: Json) -> str:
    family = config.get("base_model_type") or config.get("model_type")
    return (
        f"---\nlibrary_name: transformers\ntags: [modelpress, compressed, {family}]\n---\n\n"
        f"# A compressed {report['model'].get('architecture', family)}\n\n"
        f"Made by ModelPress from `{report['model'].get('uri', 'a local folder')}`."
    )


def _steps(report: Json) -> str:
    rows = [[f"`{s['technique']}`", _pairs(s["requested"]), _pairs(s["achieved"])] for s in report["steps"]]
    return "## What was done\n\n" + _table(["step", "requested", "achieved"], rows)


def _figures(report: Json) -> str:
    dense, compressed, fidelity = report["dense"], report["compressed"], report["fidelity"]
    named = [
        ("parameters", "params_total"),
        ("parameters that are not zero", "params_nonzero"),
        ("parameters of the encoder", "params_encoder"),
        ("bytes of the weights", "bytes_stored"),
    ]
    rows = [[label, _count(dense[name]), _count(compressed[name])] for label, name in named]
    rows += [
        row
        for before, after in zip(dense["inputs"], compressed["inputs"], strict=True)
        for row in _input(before, after)
    ]
    rows += [row for each in report.get("runtimes", ()) for row in _runtime(each)]
    speedups = [_verdict(each, _length(each["input"])) for each in report["speedup"]]
    speedups += [
        _verdict(each["speedup"], f"{_length(each['input'])}, under `{each['runtime']}`")
        for each in report.get("runtimes", ())
    ]
    closeness = (
        f"Closeness to the dense model's last hidden states on {fidelity['samples']} samples ({fidelity['source']}): "
        f"cosine {fidelity['cosine']:.4f}, relative error {fidelity['relative_error']:.4f}."
    )
    return "\n\n".join(["## Figures", _table(["", "dense", "compressed"], rows), *speedups, closeness])


def _quality(report: Json) -> Iterator[str]:
    """Yield the table of the probes, and below it how each was measured."""
    probes = report["quality"]
    if not probes:
        return
    rows = [
        [f"{each['probe']} of `{each['label']}`, {each['metric']}", _score(each["dense"]), _score(each["compressed"])]
        for each in probes
    ]
    protocols = dict.fromkeys(f"{each['probe'].capitalize()}: {each['protocol']}" for each in probes)
    yield "\n\n".join(["## Quality", "With 95 % intervals.", _table(["", "dense", "compressed"], rows), *protocols])


def _score(score: Json) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _layers(report: Json) -> Iterator[str]:
    """Yield the table of the layers, counted from 0."""
    layers = report["fidelity"]["layers"]
    if layers:
        figures = ("cosine", "cka", "relative_error")
        rows = [[str(each["layer"]), str(each["of"]), *(f"{each[name]:.4f}" for name in figures)] for each in layers]
        header = ["layer", "was", "cosine", "linear CKA", "relative error"]
        yield "## Closeness to the dense model, layer by layer\n\n" + _table(header, rows)


def _input(before: Json, after: Json) -> Iterator[list[str]]:
    """Yield the rows of one profiled input."""
    length = _length(before["input"])
    for label, name in (("executed", "macs_executed"), ("without stored zeros", "macs_theoretical")):
        yield [f"MACs {label}, {length}", _count(before[name]), _count(after[name])]
    if (latency := before["latency_ms"]) is None:
        return
    place = f"{latency['threads']} thread(s), {latency['device']}, {latency['dtype']}"
    timed = [f"{side['latency_ms']['p50']:.1f} ± {side['latency_ms']['iqr'] / 2:.1f}" for side in (before, after)]
    yield [f"milliseconds (median ± half the IQR), {length}; {place}", *timed]
    if before["real_time_factor"] is not None:
        yield [f"real-time factor, {length}", f"{before['real_time_factor']:.4f}", f"{after['real_time_factor']:.4f}"]


def _runtime(timed: Json) -> Iterator[list[str]]:
    """Yield the rows of one further runtime on one input."""
    label = f"milliseconds under `{timed['runtime']}` (median ± half the IQR), {_length(timed['input'])}"
    yield [label, *(f"{timed[side]['p50']:.1f} ± {timed[side]['iqr'] / 2:.1f}" for side in ("dense", "compressed"))]


def _verdict(speedup: Json, on: str) -> str:
    """Return what *speedup* shows *on* an input: that it is one, that it is the opposite, or neither."""
    found = f"{speedup['ratio']:.2f}, 95 % interval {speedup['low']:.2f} to {speedup['high']:.2f}"
    if not speedup["conclusive"]:
        return f"No speed-up is shown on {on}: {found}."
    return f"{'Speed-up' if speedup['ratio'] > 1 else 'Slower'} on {on}: {found}."


def _loading(plan: Plan, config: Json) -> str:
    native = plan.door == "native"
    shown = "\n\n".join(f"{way.about}\n\n{_code(way.code)}" for way in ways(plan.door, auto_class(config)))
    before = "" if native else "Plain transformers has no class that fits it.\n\n"
    after = (
        ""
        if native
        else (
            "\n\nEither way it is an instance of the stock class. Tokenizers and feature extractors load as ever. "
            "Opened otherwise, the model stops with an error."
        )
    )
    return f"## How to load it\n\n{before}{shown}{after}"


def _code(lines: str) -> str:
    return f"```python\n{lines}\n```"


def _files(plan: Plan) -> str:
    rows = [
        ["`compression.json`", "what was changed, layer by layer, and the hashes of the source"],
        ["`verification.safetensors`", "one input and its output; `modelpress.verify(folder)` compares"],
    ]
    return "## Beside the weights\n\n" + _table(["file", "holds"], rows)


def _length(spec: Mapping[str, Any]) -> str:
    sizes = (("seconds", "s of audio"), ("tokens", "tokens"), ("pixels", "pixels wide"))
    known = [f"{spec[name]:g} {unit}" for name, unit in sizes if spec.get(name) is not None]
    return f"batch {spec['batch_size']}, {known[0] if known else spec['kind']}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if not isinstance(value, dict | list | tuple))


def _count(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
