from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.technique_needs_data import TechniqueNeedsData
    from ..models.technique_parameters import TechniqueParameters


T = TypeVar("T", bound="Technique")


@_attrs_define
class Technique:
    """One entry of the catalogue."""

    name: str
    """ The tag of its steps """
    summary: str
    """ What it does, in a line """
    description: str
    """ What it does """
    sources: list[str]
    """ Papers """
    needs_data: TechniqueNeedsData
    """ Empty: never; always: true; or when: the parameters that make it learn from data """
    parameters: TechniqueParameters
    """ JSON Schema (2020-12) of its parameters """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        summary = self.summary

        description = self.description

        sources = self.sources

        needs_data = self.needs_data.to_dict()

        parameters = self.parameters.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "summary": summary,
                "description": description,
                "sources": sources,
                "needs_data": needs_data,
                "parameters": parameters,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.technique_needs_data import TechniqueNeedsData  # noqa: PLC0415
        from ..models.technique_parameters import TechniqueParameters  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        summary = d.pop("summary")

        description = d.pop("description")

        sources = cast(list[str], d.pop("sources"))

        needs_data = TechniqueNeedsData.from_dict(d.pop("needs_data"))

        parameters = TechniqueParameters.from_dict(d.pop("parameters"))

        technique = cls(
            name=name,
            summary=summary,
            description=description,
            sources=sources,
            needs_data=needs_data,
            parameters=parameters,
        )

        technique.additional_properties = d
        return technique

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
