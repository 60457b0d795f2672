from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.target_metric import TargetMetric, check_target_metric
from ..models.target_scope import TargetScope, check_target_scope
from ..types import UNSET, Unset

T = TypeVar("T", bound="Target")


@_attrs_define
class Target:
    """A budget instead of steps: the service chooses what to remove, and where."""

    metric: TargetMetric
    ratio: float | Unset = UNSET
    """ Share of the dense figure that is kept """
    max_: int | Unset = UNSET
    """ Largest figure allowed; latency in microseconds of one typical input """
    scope: TargetScope | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        metric: str = self.metric

        ratio = self.ratio

        max_ = self.max_

        scope: str | Unset = UNSET
        if not isinstance(self.scope, Unset):
            scope = self.scope

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "metric": metric,
            }
        )
        if ratio is not UNSET:
            field_dict["ratio"] = ratio
        if max_ is not UNSET:
            field_dict["max"] = max_
        if scope is not UNSET:
            field_dict["scope"] = scope

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        metric = check_target_metric(d.pop("metric"))

        ratio = d.pop("ratio", UNSET)

        max_ = d.pop("max", UNSET)

        _scope = d.pop("scope", UNSET)
        scope: TargetScope | Unset
        if isinstance(_scope, Unset):
            scope = UNSET
        else:
            scope = check_target_scope(_scope)

        target = cls(
            metric=metric,
            ratio=ratio,
            max_=max_,
            scope=scope,
        )

        return target
