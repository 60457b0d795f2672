from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.step_report_achieved import StepReportAchieved
    from ..models.step_report_requested import StepReportRequested


T = TypeVar("T", bound="StepReport")


@_attrs_define
class StepReport:
    """What one step was asked for and what it did."""

    technique: str
    requested: StepReportRequested
    achieved: StepReportAchieved
    notes: list[str] | Unset = UNSET
    seconds: float | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        technique = self.technique

        requested = self.requested.to_dict()

        achieved = self.achieved.to_dict()

        notes: list[str] | Unset = UNSET
        if not isinstance(self.notes, Unset):
            notes = self.notes

        seconds = self.seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "technique": technique,
                "requested": requested,
                "achieved": achieved,
            }
        )
        if notes is not UNSET:
            field_dict["notes"] = notes
        if seconds is not UNSET:
            field_dict["seconds"] = seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.step_report_achieved import StepReportAchieved  # noqa: PLC0415
        from ..models.step_report_requested import StepReportRequested  # noqa: PLC0415

        d = dict(src_dict)
        technique = d.pop("technique")

        requested = StepReportRequested.from_dict(d.pop("requested"))

        achieved = StepReportAchieved.from_dict(d.pop("achieved"))

        notes = cast(list[str], d.pop("notes", UNSET))

        seconds = d.pop("seconds", UNSET)

        step_report = cls(
            technique=technique,
            requested=requested,
            achieved=achieved,
            notes=notes,
            seconds=seconds,
        )

        step_report.additional_properties = d
        return step_report

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
