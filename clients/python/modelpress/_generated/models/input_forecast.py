from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.input_forecast_uncounted_ops import InputForecastUncountedOps
    from ..models.input_spec import InputSpec


T = TypeVar("T", bound="InputForecast")


@_attrs_define
class InputForecast:
    """What a forward pass on one input will multiply."""

    input_: InputSpec
    """ One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances.
    """
    macs_executed: int
    """ MACs of one forward pass of the whole batch. """
    uncounted_ops: InputForecastUncountedOps
    """ operations with no formula, and how often they run; empty when the count is complete. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        input_ = self.input_.to_dict()

        macs_executed = self.macs_executed

        uncounted_ops = self.uncounted_ops.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "input": input_,
                "macs_executed": macs_executed,
                "uncounted_ops": uncounted_ops,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.input_forecast_uncounted_ops import InputForecastUncountedOps  # noqa: PLC0415
        from ..models.input_spec import InputSpec  # noqa: PLC0415

        d = dict(src_dict)
        input_ = InputSpec.from_dict(d.pop("input"))

        macs_executed = d.pop("macs_executed")

        uncounted_ops = InputForecastUncountedOps.from_dict(d.pop("uncounted_ops"))

        input_forecast = cls(
            input_=input_,
            macs_executed=macs_executed,
            uncounted_ops=uncounted_ops,
        )

        input_forecast.additional_properties = d
        return input_forecast

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
