from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.score import Score


T = TypeVar("T", bound="ProbeReport")


@_attrs_define
class ProbeReport:
    """What the model's frozen output is worth for a task of the caller's, before and after."""

    probe: str
    """ which kind. """
    label: str
    """ the column of labels. """
    metric: str
    """ what its scores are in. """
    better: str
    """ ``lower`` or ``higher``. """
    seeds: list[int]
    """ over which the scores are averaged. """
    dense: Score
    """ What a probe found of one model. """
    compressed: Score
    """ What a probe found of one model. """
    protocol: str
    """ how it was measured, in a sentence. """
    before_recovery: None | Score | Unset = UNSET
    """ of the result before recovery, where there was one. """
    control: None | Score | Unset = UNSET
    """ of the source itself after the steps of the recovery, where asked for. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.score import Score  # noqa: PLC0415

        probe = self.probe

        label = self.label

        metric = self.metric

        better = self.better

        seeds = self.seeds

        dense = self.dense.to_dict()

        compressed = self.compressed.to_dict()

        protocol = self.protocol

        before_recovery: dict[str, Any] | None | Unset
        if isinstance(self.before_recovery, Unset):
            before_recovery = UNSET
        elif isinstance(self.before_recovery, Score):
            before_recovery = self.before_recovery.to_dict()
        else:
            before_recovery = self.before_recovery

        control: dict[str, Any] | None | Unset
        if isinstance(self.control, Unset):
            control = UNSET
        elif isinstance(self.control, Score):
            control = self.control.to_dict()
        else:
            control = self.control

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "probe": probe,
                "label": label,
                "metric": metric,
                "better": better,
                "seeds": seeds,
                "dense": dense,
                "compressed": compressed,
                "protocol": protocol,
            }
        )
        if before_recovery is not UNSET:
            field_dict["before_recovery"] = before_recovery
        if control is not UNSET:
            field_dict["control"] = control

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.score import Score  # noqa: PLC0415

        d = dict(src_dict)
        probe = d.pop("probe")

        label = d.pop("label")

        metric = d.pop("metric")

        better = d.pop("better")

        seeds = cast(list[int], d.pop("seeds"))

        dense = Score.from_dict(d.pop("dense"))

        compressed = Score.from_dict(d.pop("compressed"))

        protocol = d.pop("protocol")

        def _parse_before_recovery(data: object) -> None | Score | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                before_recovery_type_0 = Score.from_dict(data)

                return before_recovery_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Score | Unset, data)

        before_recovery = _parse_before_recovery(d.pop("before_recovery", UNSET))

        def _parse_control(data: object) -> None | Score | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                control_type_0 = Score.from_dict(data)

                return control_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Score | Unset, data)

        control = _parse_control(d.pop("control", UNSET))

        probe_report = cls(
            probe=probe,
            label=label,
            metric=metric,
            better=better,
            seeds=seeds,
            dense=dense,
            compressed=compressed,
            protocol=protocol,
            before_recovery=before_recovery,
            control=control,
        )

        probe_report.additional_properties = d
        return probe_report

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
