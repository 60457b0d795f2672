from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.exported import Exported
    from ..models.fidelity import Fidelity
    from ..models.probe_report import ProbeReport
    from ..models.profile import Profile
    from ..models.report_environment import ReportEnvironment
    from ..models.report_model import ReportModel
    from ..models.report_seconds import ReportSeconds
    from ..models.runtime_figures import RuntimeFigures
    from ..models.speedup import Speedup
    from ..models.step_report import StepReport


T = TypeVar("T", bound="Report")


@_attrs_define
class Report:
    """The whole answer to a request."""

    model: ReportModel
    """ uri, revision, sha256, architecture, model_type of the source. """
    steps: list[StepReport]
    door: str
    """ ``native`` (plain ``from_pretrained``) or ``modelpress`` (the reload code beside the weights). """
    dense: Profile
    """ Figures of one model. """
    compressed: Profile
    """ Figures of one model. """
    speedup: list[Speedup]
    """ one for each input that was timed. """
    fidelity: Fidelity
    """ How close the compressed model's last hidden states are to the dense model's. """
    fidelity_before_recovery: Fidelity | None
    warnings: list[str]
    environment: ReportEnvironment
    """ versions and machine. """
    schema: Literal["modelpress/report/v1"]
    """ what this document is. """
    seconds: ReportSeconds | Unset = UNSET
    """ wall-clock of each stage [s]. """
    exports: list[Exported] | Unset = UNSET
    """ the files for other runtimes that were asked for. """
    runtimes: list[RuntimeFigures] | Unset = UNSET
    """ both models timed under the further runtimes that were asked for, on each input that is timed. """
    fidelity_control: Fidelity | None | Unset = UNSET
    """ that of the source itself after the steps of the recovery, where asked for. """
    quality: list[ProbeReport] | Unset = UNSET
    """ what the probes found that were asked for. """
    opens_with: str | Unset = UNSET
    """ the Auto class of transformers that opens the result. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.fidelity import Fidelity  # noqa: PLC0415

        model = self.model.to_dict()

        steps = []
        for steps_item_data in self.steps:
            steps_item = steps_item_data.to_dict()
            steps.append(steps_item)

        door = self.door

        dense = self.dense.to_dict()

        compressed = self.compressed.to_dict()

        speedup = []
        for speedup_item_data in self.speedup:
            speedup_item = speedup_item_data.to_dict()
            speedup.append(speedup_item)

        fidelity = self.fidelity.to_dict()

        fidelity_before_recovery: dict[str, Any] | None
        if isinstance(self.fidelity_before_recovery, Fidelity):
            fidelity_before_recovery = self.fidelity_before_recovery.to_dict()
        else:
            fidelity_before_recovery = self.fidelity_before_recovery

        warnings = self.warnings

        environment = self.environment.to_dict()

        schema = self.schema

        seconds: dict[str, Any] | Unset = UNSET
        if not isinstance(self.seconds, Unset):
            seconds = self.seconds.to_dict()

        exports: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.exports, Unset):
            exports = []
            for exports_item_data in self.exports:
                exports_item = exports_item_data.to_dict()
                exports.append(exports_item)

        runtimes: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.runtimes, Unset):
            runtimes = []
            for runtimes_item_data in self.runtimes:
                runtimes_item = runtimes_item_data.to_dict()
                runtimes.append(runtimes_item)

        fidelity_control: dict[str, Any] | None | Unset
        if isinstance(self.fidelity_control, Unset):
            fidelity_control = UNSET
        elif isinstance(self.fidelity_control, Fidelity):
            fidelity_control = self.fidelity_control.to_dict()
        else:
            fidelity_control = self.fidelity_control

        quality: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.quality, Unset):
            quality = []
            for quality_item_data in self.quality:
                quality_item = quality_item_data.to_dict()
                quality.append(quality_item)

        opens_with = self.opens_with

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "steps": steps,
                "door": door,
                "dense": dense,
                "compressed": compressed,
                "speedup": speedup,
                "fidelity": fidelity,
                "fidelity_before_recovery": fidelity_before_recovery,
                "warnings": warnings,
                "environment": environment,
                "schema": schema,
            }
        )
        if seconds is not UNSET:
            field_dict["seconds"] = seconds
        if exports is not UNSET:
            field_dict["exports"] = exports
        if runtimes is not UNSET:
            field_dict["runtimes"] = runtimes
        if fidelity_control is not UNSET:
            field_dict["fidelity_control"] = fidelity_control
        if quality is not UNSET:
            field_dict["quality"] = quality
        if opens_with is not UNSET:
            field_dict["opens_with"] = opens_with

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.exported import Exported  # noqa: PLC0415
        from ..models.fidelity import Fidelity  # noqa: PLC0415
        from ..models.probe_report import ProbeReport  # noqa: PLC0415
        from ..models.profile import Profile  # noqa: PLC0415
        from ..models.report_environment import ReportEnvironment  # noqa: PLC0415
        from ..models.report_model import ReportModel  # noqa: PLC0415
        from ..models.report_seconds import ReportSeconds  # noqa: PLC0415
        from ..models.runtime_figures import RuntimeFigures  # noqa: PLC0415
        from ..models.speedup import Speedup  # noqa: PLC0415
        from ..models.step_report import StepReport  # noqa: PLC0415

        d = dict(src_dict)
        model = ReportModel.from_dict(d.pop("model"))

        steps = []
        _steps = d.pop("steps")
        for steps_item_data in _steps:
            steps_item = StepReport.from_dict(steps_item_data)

            steps.append(steps_item)

        door = d.pop("door")

        dense = Profile.from_dict(d.pop("dense"))

        compressed = Profile.from_dict(d.pop("compressed"))

        speedup = []
        _speedup = d.pop("speedup")
        for speedup_item_data in _speedup:
            speedup_item = Speedup.from_dict(speedup_item_data)

            speedup.append(speedup_item)

        fidelity = Fidelity.from_dict(d.pop("fidelity"))

        def _parse_fidelity_before_recovery(data: object) -> Fidelity | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                fidelity_before_recovery_type_0 = Fidelity.from_dict(data)

                return fidelity_before_recovery_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Fidelity | None, data)

        fidelity_before_recovery = _parse_fidelity_before_recovery(d.pop("fidelity_before_recovery"))

        warnings = cast(list[str], d.pop("warnings"))

        environment = ReportEnvironment.from_dict(d.pop("environment"))

        schema = cast(Literal["modelpress/report/v1"], d.pop("schema"))
        if schema != "modelpress/report/v1":
            raise ValueError(f"schema must match const 'modelpress/report/v1', got '{schema}'")

        _seconds = d.pop("seconds", UNSET)
        seconds: ReportSeconds | Unset
        if isinstance(_seconds, Unset):
            seconds = UNSET
        else:
            seconds = ReportSeconds.from_dict(_seconds)

        _exports = d.pop("exports", UNSET)
        exports: list[Exported] | Unset = UNSET
        if _exports is not UNSET:
            exports = []
            for exports_item_data in _exports:
                exports_item = Exported.from_dict(exports_item_data)

                exports.append(exports_item)

        _runtimes = d.pop("runtimes", UNSET)
        runtimes: list[RuntimeFigures] | Unset = UNSET
        if _runtimes is not UNSET:
            runtimes = []
            for runtimes_item_data in _runtimes:
                runtimes_item = RuntimeFigures.from_dict(runtimes_item_data)

                runtimes.append(runtimes_item)

        def _parse_fidelity_control(data: object) -> Fidelity | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                fidelity_control_type_0 = Fidelity.from_dict(data)

                return fidelity_control_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Fidelity | None | Unset, data)

        fidelity_control = _parse_fidelity_control(d.pop("fidelity_control", UNSET))

        _quality = d.pop("quality", UNSET)
        quality: list[ProbeReport] | Unset = UNSET
        if _quality is not UNSET:
            quality = []
            for quality_item_data in _quality:
                quality_item = ProbeReport.from_dict(quality_item_data)

                quality.append(quality_item)

        opens_with = d.pop("opens_with", UNSET)

        report = cls(
            model=model,
            steps=steps,
            door=door,
            dense=dense,
            compressed=compressed,
            speedup=speedup,
            fidelity=fidelity,
            fidelity_before_recovery=fidelity_before_recovery,
            warnings=warnings,
            environment=environment,
            schema=schema,
            seconds=seconds,
            exports=exports,
            runtimes=runtimes,
            fidelity_control=fidelity_control,
            quality=quality,
            opens_with=opens_with,
        )

        report.additional_properties = d
        return report

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
