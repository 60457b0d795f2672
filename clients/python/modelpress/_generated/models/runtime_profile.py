from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.input_spec import InputSpec
    from ..models.latency import Latency
    from ..models.speedup import Speedup


T = TypeVar("T", bound="RuntimeProfile")


@_attrs_define
class RuntimeProfile:
    """One model on one input under a runtime other than plain PyTorch, timed in turns with plain PyTorch."""

    runtime: str
    """ which. """
    input_: InputSpec
    """ One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances.
    """
    latency_ms: Latency
    """ Wall-clock of one forward pass. """
    gain: Speedup
    """ One latency over another, of the dense and the compressed model unless said, from pairs taken in the same
    run. """
    prepared_s: float
    """ what compiling or exporting took, up to the first pass [s]. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        runtime = self.runtime

        input_ = self.input_.to_dict()

        latency_ms = self.latency_ms.to_dict()

        gain = self.gain.to_dict()

        prepared_s = self.prepared_s

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "runtime": runtime,
                "input": input_,
                "latency_ms": latency_ms,
                "gain": gain,
                "prepared_s": prepared_s,
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

        latency_ms = Latency.from_dict(d.pop("latency_ms"))

        gain = Speedup.from_dict(d.pop("gain"))

        prepared_s = d.pop("prepared_s")

        runtime_profile = cls(
            runtime=runtime,
            input_=input_,
            latency_ms=latency_ms,
            gain=gain,
            prepared_s=prepared_s,
        )

        runtime_profile.additional_properties = d
        return runtime_profile

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
