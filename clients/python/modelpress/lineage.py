"""What there is to say of a compressed model elsewhere: what it was made from, and its figures, each by a name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "modelpress."
"""Of the tags' names."""
_FIGURES = ("dense", "compressed", "speedup", "fidelity", "quality")
_HEADLINES = ("params_total", "params_nonzero", "bytes_stored")


@dataclass(frozen=True, slots=True)
class Result:
    """What there is to say of a compression that succeeded, as the service's own documents."""

    job: Mapping[str, Any]
    report: Mapping[str, Any]
    manifest: Mapping[str, Any]

    @property
    def lineage(self) -> dict[str, str]:
        """Return what the result was made from, and by which job."""
        source = self.manifest["source"]
        made_of = {
            "job": self.job["id"],
            "source_uri": source["uri"],
            "source_revision": source.get("revision"),
            "source_sha256": source.get("sha256"),
            "request_sha256": self.manifest["request_sha256"],
            "techniques": ", ".join(step["technique"] for step in self.report["steps"]),
        }
        return _tags(made_of)

    @property
    def figures(self) -> dict[str, float]:
        """Return every number of the report's figures by its place there, as ``compressed.params_total``.

        Figures on one input bear its shape, as ``speedup.1_x_128_tokens.ratio``, and those of a probe its label.
        """
        return {name: value for part in _FIGURES for name, value in _numbers(part, self.report.get(part))}

    @property
    def headlines(self) -> dict[str, str]:
        """Return the few figures that a version bears itself, so that versions are found by them."""
        figures, kept = self.figures, {}
        for name in _HEADLINES:
            kept[name] = figures.get(f"compressed.{name}")
            kept[f"{name}_dense"] = figures.get(f"dense.{name}")
        kept["fidelity"] = figures.get("fidelity.cosine")
        for name, value in figures.items():
            if name.startswith("speedup.") and name.endswith(".ratio"):
                kept[name.removesuffix(".ratio")] = value
        return _tags({name: None if value is None else f"{value:.10g}" for name, value in kept.items()})


def _numbers(name: str, value: object) -> Iterator[tuple[str, float]]:
    """Yield the numbers in a part of a report, each with its place."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key != "input":
                yield from _numbers(f"{name}.{key}", each)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, Mapping) and (word := _word(each)):
                yield from _numbers(f"{name}.{word}", each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _word(entry: Mapping[str, Any]) -> str:
    """Return what tells an entry of a list from the others: the shape of its input, or its probe and label."""
    if (given := entry.get("input")) is None:
        return ".".join(entry[key] for key in ("probe", "label") if entry.get(key))
    lengths = [f"{given[unit]:g}_{unit}" for unit in ("seconds", "tokens", "pixels") if given.get(unit) is not None]
    return "_x_".join([str(given.get("batch_size", 1)), *lengths])


def _tags(values: Mapping[str, str | None]) -> dict[str, str]:
    return {f"{PREFIX}{name}": value for name, value in values.items() if value is not None}
