from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.input_spec import InputSpec


T = TypeVar("T", bound="Speedup")


@_attrs_define
class Speedup:
    """One latency over another, of the dense and the compressed model unless said, from pairs taken in the same run."""

    input_: InputSpec
    """ One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances.
    """
    ratio: float
    """ median of the paired ratios; a speed-up only where it is conclusive and above 1. """
    low: float
    """ lower end of the 95 % interval. """
    high: float
    """ upper end of the 95 % interval. """
    conclusive: bool
    """ whether the interval leaves 1 out. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        input_ = self.input_.to_dict()

        ratio = self.ratio

        low = self.low

        high = self.high

        conclusive = self.conclusive

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "input": input_,
                "ratio": ratio,
                "low": low,
                "high": high,
                "conclusive": conclusive,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.input_spec import InputSpec  # noqa: PLC0415

        d = dict(src_dict)
        input_ = InputSpec.from_dict(d.pop("input"))

        ratio = d.pop("ratio")

        low = d.pop("low")

        high = d.pop("high")

        conclusive = d.pop("conclusive")

        speedup = cls(
            input_=input_,
            ratio=ratio,
            low=low,
            high=high,
            conclusive=conclusive,
        )

        speedup.additional_properties = d
        return speedup

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
