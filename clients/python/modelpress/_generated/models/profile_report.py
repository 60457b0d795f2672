from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.module_profile import ModuleProfile
    from ..models.probe_score import ProbeScore
    from ..models.profile import Profile
    from ..models.profile_report_environment import ProfileReportEnvironment
    from ..models.profile_report_model import ProfileReportModel
    from ..models.profile_report_seconds import ProfileReportSeconds
    from ..models.runtime_profile import RuntimeProfile


T = TypeVar("T", bound="ProfileReport")


@_attrs_define
class ProfileReport:
    """The figures of a model as it is."""

    model: ProfileReportModel
    """ uri, revision, sha256, architecture, model_type of the source. """
    profile: Profile
    """ Figures of one model. """
    modules: list[ModuleProfile]
    """ where they come from, on the first input; a module before those within it. """
    warnings: list[str]
    """ what the figures do not say. """
    environment: ProfileReportEnvironment
    """ versions and machine. """
    schema: Literal["modelpress/profile/v1"]
    """ what this document is. """
    seconds: ProfileReportSeconds | Unset = UNSET
    """ wall-clock of each stage [s]. """
    runtimes: list[RuntimeProfile] | Unset = UNSET
    """ the model timed under the further runtimes that were asked for, on each input that is timed. """
    quality: list[ProbeScore] | Unset = UNSET
    """ what the probes found that were asked for. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        model = self.model.to_dict()

        profile = self.profile.to_dict()

        modules = []
        for modules_item_data in self.modules:
            modules_item = modules_item_data.to_dict()
            modules.append(modules_item)

        warnings = self.warnings

        environment = self.environment.to_dict()

        schema = self.schema

        seconds: dict[str, Any] | Unset = UNSET
        if not isinstance(self.seconds, Unset):
            seconds = self.seconds.to_dict()

        runtimes: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.runtimes, Unset):
            runtimes = []
            for runtimes_item_data in self.runtimes:
                runtimes_item = runtimes_item_data.to_dict()
                runtimes.append(runtimes_item)

        quality: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.quality, Unset):
            quality = []
            for quality_item_data in self.quality:
                quality_item = quality_item_data.to_dict()
                quality.append(quality_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "profile": profile,
                "modules": modules,
                "warnings": warnings,
                "environment": environment,
                "schema": schema,
            }
        )
        if seconds is not UNSET:
            field_dict["seconds"] = seconds
        if runtimes is not UNSET:
            field_dict["runtimes"] = runtimes
        if quality is not UNSET:
            field_dict["quality"] = quality

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.module_profile import ModuleProfile  # noqa: PLC0415
        from ..models.probe_score import ProbeScore  # noqa: PLC0415
        from ..models.profile import Profile  # noqa: PLC0415
        from ..models.profile_report_environment import ProfileReportEnvironment  # noqa: PLC0415
        from ..models.profile_report_model import ProfileReportModel  # noqa: PLC0415
        from ..models.profile_report_seconds import ProfileReportSeconds  # noqa: PLC0415
        from ..models.runtime_profile import RuntimeProfile  # noqa: PLC0415

        d = dict(src_dict)
        model = ProfileReportModel.from_dict(d.pop("model"))

        profile = Profile.from_dict(d.pop("profile"))

        modules = []
        _modules = d.pop("modules")
        for modules_item_data in _modules:
            modules_item = ModuleProfile.from_dict(modules_item_data)

            modules.append(modules_item)

        warnings = cast(list[str], d.pop("warnings"))

        environment = ProfileReportEnvironment.from_dict(d.pop("environment"))

        schema = cast(Literal["modelpress/profile/v1"], d.pop("schema"))
        if schema != "modelpress/profile/v1":
            raise ValueError(f"schema must match const 'modelpress/profile/v1', got '{schema}'")

        _seconds = d.pop("seconds", UNSET)
        seconds: ProfileReportSeconds | Unset
        if isinstance(_seconds, Unset):
            seconds = UNSET
        else:
            seconds = ProfileReportSeconds.from_dict(_seconds)

        _runtimes = d.pop("runtimes", UNSET)
        runtimes: list[RuntimeProfile] | Unset = UNSET
        if _runtimes is not UNSET:
            runtimes = []
            for runtimes_item_data in _runtimes:
                runtimes_item = RuntimeProfile.from_dict(runtimes_item_data)

                runtimes.append(runtimes_item)

        _quality = d.pop("quality", UNSET)
        quality: list[ProbeScore] | Unset = UNSET
        if _quality is not UNSET:
            quality = []
            for quality_item_data in _quality:
                quality_item = ProbeScore.from_dict(quality_item_data)

                quality.append(quality_item)

        profile_report = cls(
            model=model,
            profile=profile,
            modules=modules,
            warnings=warnings,
            environment=environment,
            schema=schema,
            seconds=seconds,
            runtimes=runtimes,
            quality=quality,
        )

        profile_report.additional_properties = d
        return profile_report

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
