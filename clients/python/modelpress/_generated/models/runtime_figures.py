from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.input_spec import InputSpec
    from ..models.latency import Latency
    from ..models.speedup import Speedup


T = TypeVar("T", bound="RuntimeFigures")


@_attrs_define
class RuntimeFigures:
    """Both models on one input under a runtime other than plain PyTorch, timed in turns with the dense one in that."""

    runtime: str
    """ which. """
    input_: InputSpec
    """ One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances.
    """
    dense: Latency
    """ Wall-clock of one forward pass. """
    compressed: Latency
    """ Wall-clock of one forward pass. """
    speedup: Speedup
    """ One latency over another, of the dense and the compressed model unless said, from pairs taken in the same
    run. """
    gain: Speedup
    """ One latency over another, of the dense and the compressed model unless said, from pairs taken in the same
    run. """
    overall: Speedup
    """ One latency over another, of the dense and the compressed model unless said, from pairs taken in the same
    run. """
    dense_prepared_s: float
    """ what compiling or exporting the source took, up to its first pass [s]. """
    compressed_prepared_s: float
    """ the same of the result [s]. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        runtime = self.runtime

        input_ = self.input_.to_dict()

        dense = self.dense.to_dict()

        compressed = self.compressed.to_dict()

        speedup = self.speedup.to_dict()

        gain = self.gain.to_dict()

        overall = self.overall.to_dict()

        dense_prepared_s = self.dense_prepared_s

        compressed_prepared_s = self.compressed_prepared_s

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "runtime": runtime,
                "input": input_,
                "dense": dense,
                "compressed": compressed,
                "speedup": speedup,
                "gain": gain,
                "overall": overall,
                "dense_prepared_s": dense_prepared_s,
                "compressed_prepared_s": compressed_prepared_s,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.input_spec import InputSpec  # noqa: PLC0415
        from ..models.latency import Latency  # noqa: PLC0415
        from ..models.speedup import Speedup  # noqa: PLC0415

        d = dict(src_dict)
        runtime = d.pop("runtime")

        input_ = InputSpec.from_dict(d.pop("input"))

        dense = Latency.from_dict(d.pop("dense"))

        compressed = Latency.from_dict(d.pop("compressed"))

        speedup = Speedup.from_dict(d.pop("speedup"))

        gain = Speedup.from_dict(d.pop("gain"))

        overall = Speedup.from_dict(d.pop("overall"))

        dense_prepared_s = d.pop("dense_prepared_s")

        compressed_prepared_s = d.pop("compressed_prepared_s")

        runtime_figures = cls(
            runtime=runtime,
            input_=input_,
            dense=dense,
            compressed=compressed,
            speedup=speedup,
            gain=gain,
            overall=overall,
            dense_prepared_s=dense_prepared_s,
            compressed_prepared_s=compressed_prepared_s,
        )

        runtime_figures.additional_properties = d
        return runtime_figures

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
