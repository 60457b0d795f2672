from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.forecast import Forecast
    from ..models.plan_report_environment import PlanReportEnvironment
    from ..models.plan_report_model import PlanReportModel
    from ..models.plan_report_seconds import PlanReportSeconds
    from ..models.step_report import StepReport


T = TypeVar("T", bound="PlanReport")


@_attrs_define
class PlanReport:
    """What a compression would do, from a dry run."""

    model: PlanReportModel
    """ uri, revision, sha256, architecture, model_type of the source. """
    steps: list[StepReport]
    """ what each would be asked for and achieve; seconds are those of the dry run. """
    door: str
    """ how the result would open, as in a report. """
    dense: Forecast
    """ The figures of one model that nothing has to be timed for: a part of its profile, under the same names. """
    compressed: Forecast
    """ The figures of one model that nothing has to be timed for: a part of its profile, under the same names. """
    exact: bool
    """ whether the compression gives these very figures; where not, warnings say why. """
    warnings: list[str]
    environment: PlanReportEnvironment
    """ versions and machine. """
    schema: Literal["modelpress/plan/v1"]
    """ what this document is. """
    seconds: PlanReportSeconds | Unset = UNSET
    """ wall-clock of each stage [s]. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        model = self.model.to_dict()

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        door = self.door

        dense = self.dense.to_dict()

        compressed = self.compressed.to_dict()

        exact = self.exact

        warnings = self.warnings

        environment = self.environment.to_dict()

        schema = self.schema

        seconds: dict[str, Any] | Unset = UNSET
        if not isinstance(self.seconds, Unset):
            seconds = self.seconds.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "steps": steps,
                "door": door,
                "dense": dense,
                "compressed": compressed,
                "exact": exact,
                "warnings": warnings,
                "environment": environment,
                "schema": schema,
            }
        )
        if seconds is not UNSET:
            field_dict["seconds"] = seconds

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.forecast import Forecast  # noqa: PLC0415
        from ..models.plan_report_environment import PlanReportEnvironment  # noqa: PLC0415
        from ..models.plan_report_model import PlanReportModel  # noqa: PLC0415
        from ..models.plan_report_seconds import PlanReportSeconds  # noqa: PLC0415
        from ..models.step_report import StepReport  # noqa: PLC0415

        d = dict(src_dict)
        model = PlanReportModel.from_dict(d.pop("model"))

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = StepReport.from_dict(steps_item_data)

            steps.append(steps_item)

        door = d.pop("door")

        dense = Forecast.from_dict(d.pop("dense"))

        compressed = Forecast.from_dict(d.pop("compressed"))

        exact = d.pop("exact")

        warnings = cast(list[str], d.pop("warnings"))

        environment = PlanReportEnvironment.from_dict(d.pop("environment"))

        schema = cast(Literal["modelpress/plan/v1"], d.pop("schema"))
        if schema != "modelpress/plan/v1":
            raise ValueError(f"schema must match const 'modelpress/plan/v1', got '{schema}'")

        _seconds = d.pop("seconds", UNSET)
        seconds: PlanReportSeconds | Unset
        if isinstance(_seconds, Unset):
            seconds = UNSET
        else:
            seconds = PlanReportSeconds.from_dict(_seconds)

        plan_report = cls(
            model=model,
            steps=steps,
            door=door,
            dense=dense,
            compressed=compressed,
            exact=exact,
            warnings=warnings,
            environment=environment,
            schema=schema,
            seconds=seconds,
        )

        plan_report.additional_properties = d
        return plan_report

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
