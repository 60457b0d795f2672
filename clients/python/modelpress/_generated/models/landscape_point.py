from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.landscape_point_error_type_0 import LandscapePointErrorType0
    from ..models.landscape_point_intervals import LandscapePointIntervals
    from ..models.landscape_point_values import LandscapePointValues


T = TypeVar("T", bound="LandscapePoint")


@_attrs_define
class LandscapePoint:
    """One model of a landscape: the dense one, a control, or what a compression made of it."""

    name: str
    """ says which; no other point has it. """
    series: str
    """ what it is drawn with: a technique, a target, a control or a word of the caller's. """
    job: None | str
    """ the compression that made it; None for the dense model. """
    state: str
    """ of that job; that of the dense model is ``succeeded`` once it was measured. """
    reused: bool
    """ whether an earlier landscape had asked for the same. """
    values: LandscapePointValues | Unset = UNSET
    """ figures by measure; those that were not measured are left out. """
    intervals: LandscapePointIntervals | Unset = UNSET
    """ lower and upper end of the 95 % interval, by measure, where there is one. """
    warnings: list[str] | Unset = UNSET
    """ what the figures do not say. """
    error: LandscapePointErrorType0 | None | Unset = UNSET
    """ code and message where the point failed. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.landscape_point_error_type_0 import LandscapePointErrorType0  # noqa: PLC0415

        name = self.name

        series = self.series

        job: None | str
        job = self.job

        state = self.state

        reused = self.reused

        values: dict[str, Any] | Unset = UNSET
        if not isinstance(self.values, Unset):
            values = self.values.to_dict()

        intervals: dict[str, Any] | Unset = UNSET
        if not isinstance(self.intervals, Unset):
            intervals = self.intervals.to_dict()

        warnings: list[str] | Unset = UNSET
        if not isinstance(self.warnings, Unset):
            warnings = self.warnings

        error: dict[str, Any] | None | Unset
        if isinstance(self.error, Unset):
            error = UNSET
        elif isinstance(self.error, LandscapePointErrorType0):
            error = self.error.to_dict()
        else:
            error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "series": series,
                "job": job,
                "state": state,
                "reused": reused,
            }
        )
        if values is not UNSET:
            field_dict["values"] = values
        if intervals is not UNSET:
            field_dict["intervals"] = intervals
        if warnings is not UNSET:
            field_dict["warnings"] = warnings
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.landscape_point_error_type_0 import LandscapePointErrorType0  # noqa: PLC0415
        from ..models.landscape_point_intervals import LandscapePointIntervals  # noqa: PLC0415
        from ..models.landscape_point_values import LandscapePointValues  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        series = d.pop("series")

        def _parse_job(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        job = _parse_job(d.pop("job"))

        state = d.pop("state")

        reused = d.pop("reused")

        _values = d.pop("values", UNSET)
        values: LandscapePointValues | Unset
        if isinstance(_values, Unset):
            values = UNSET
        else:
            values = LandscapePointValues.from_dict(_values)

        _intervals = d.pop("intervals", UNSET)
        intervals: LandscapePointIntervals | Unset
        if isinstance(_intervals, Unset):
            intervals = UNSET
        else:
            intervals = LandscapePointIntervals.from_dict(_intervals)

        warnings = cast(list[str], d.pop("warnings", UNSET))

        def _parse_error(data: object) -> LandscapePointErrorType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                error_type_0 = LandscapePointErrorType0.from_dict(data)

                return error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(LandscapePointErrorType0 | None | Unset, data)

        error = _parse_error(d.pop("error", UNSET))

        landscape_point = cls(
            name=name,
            series=series,
            job=job,
            state=state,
            reused=reused,
            values=values,
            intervals=intervals,
            warnings=warnings,
            error=error,
        )

        landscape_point.additional_properties = d
        return landscape_point

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
