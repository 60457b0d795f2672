from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.score import Score


T = TypeVar("T", bound="ProbeScore")


@_attrs_define
class ProbeScore:
    """What the frozen output of one model, as it is, is worth for a task of the caller's."""

    probe: str
    """ which kind. """
    label: str
    """ the column of labels. """
    metric: str
    """ what its score is in. """
    better: str
    """ ``lower`` or ``higher``. """
    seeds: list[int]
    """ over which the score is averaged. """
    score: Score
    """ What a probe found of one model. """
    protocol: str
    """ how it was measured, in a sentence. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        probe = self.probe

        label = self.label

        metric = self.metric

        better = self.better

        seeds = self.seeds

        score = self.score.to_dict()

        protocol = self.protocol

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "probe": probe,
                "label": label,
                "metric": metric,
                "better": better,
                "seeds": seeds,
                "score": score,
                "protocol": protocol,
            }
        )

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

        score = Score.from_dict(d.pop("score"))

        protocol = d.pop("protocol")

        probe_score = cls(
            probe=probe,
            label=label,
            metric=metric,
            better=better,
            seeds=seeds,
            score=score,
            protocol=protocol,
        )

        probe_score.additional_properties = d
        return probe_score

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
