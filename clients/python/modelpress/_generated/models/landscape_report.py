from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.front import Front
    from ..models.landscape_point import LandscapePoint
    from ..models.landscape_report_environments_item import LandscapeReportEnvironmentsItem
    from ..models.landscape_report_model import LandscapeReportModel
    from ..models.measure import Measure


T = TypeVar("T", bound="LandscapeReport")


@_attrs_define
class LandscapeReport:
    """What compressing a model in many ways comes to."""

    model: LandscapeReportModel
    """ uri, revision, sha256, architecture, model_type of the source. """
    complete: bool
    """ whether every point has ended. """
    measures: list[Measure]
    """ what the points are compared by. """
    points: list[LandscapePoint]
    """ in the order in which they were asked for, the dense model first. """
    fronts: list[Front]
    """ one for each pair of a cost and a quality. """
    answers: list[str]
    """ which technique wins at which budget, and where smaller is not faster, in sentences. """
    warnings: list[str]
    """ what the figures do not say. """
    environments: list[LandscapeReportEnvironmentsItem]
    """ versions and machine of the workers that measured, each once. """
    schema: Literal["modelpress/landscape/v1"]
    """ what this document is. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        model = self.model.to_dict()

        complete = self.complete

        measures = []
        for measures_item_data in self.measures:
            measures_item = measures_item_data.to_dict()
            measures.append(measures_item)

        points = []
        for points_item_data in self.points:
            points_item = points_item_data.to_dict()
            points.append(points_item)

        fronts = []
        for fronts_item_data in self.fronts:
            fronts_item = fronts_item_data.to_dict()
            fronts.append(fronts_item)

        answers = self.answers

        warnings = self.warnings

        environments = []
        for environments_item_data in self.environments:
            environments_item = environments_item_data.to_dict()
            environments.append(environments_item)

        schema = self.schema

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "complete": complete,
                "measures": measures,
                "points": points,
                "fronts": fronts,
                "answers": answers,
                "warnings": warnings,
                "environments": environments,
                "schema": schema,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.front import Front  # noqa: PLC0415
        from ..models.landscape_point import LandscapePoint  # noqa: PLC0415
        from ..models.landscape_report_environments_item import LandscapeReportEnvironmentsItem  # noqa: PLC0415
        from ..models.landscape_report_model import LandscapeReportModel  # noqa: PLC0415
        from ..models.measure import Measure  # noqa: PLC0415

        d = dict(src_dict)
        model = LandscapeReportModel.from_dict(d.pop("model"))

        complete = d.pop("complete")

        measures = []
        _measures = d.pop("measures")
        for measures_item_data in _measures:
            measures_item = Measure.from_dict(measures_item_data)

            measures.append(measures_item)

        points = []
        _points = d.pop("points")
        for points_item_data in _points:
            points_item = LandscapePoint.from_dict(points_item_data)

            points.append(points_item)

        fronts = []
        _fronts = d.pop("fronts")
        for fronts_item_data in _fronts:
            fronts_item = Front.from_dict(fronts_item_data)

            fronts.append(fronts_item)

        answers = cast(list[str], d.pop("answers"))

        warnings = cast(list[str], d.pop("warnings"))

        environments = []
        _environments = d.pop("environments")
        for environments_item_data in _environments:
            environments_item = LandscapeReportEnvironmentsItem.from_dict(environments_item_data)

            environments.append(environments_item)

        schema = cast(Literal["modelpress/landscape/v1"], d.pop("schema"))
        if schema != "modelpress/landscape/v1":
            raise ValueError(f"schema must match const 'modelpress/landscape/v1', got '{schema}'")

        landscape_report = cls(
            model=model,
            complete=complete,
            measures=measures,
            points=points,
            fronts=fronts,
            answers=answers,
            warnings=warnings,
            environments=environments,
            schema=schema,
        )

        landscape_report.additional_properties = d
        return landscape_report

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
