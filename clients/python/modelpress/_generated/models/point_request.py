from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.distillation_step import DistillationStep
    from ..models.ffn_pruning_step import FfnPruningStep
    from ..models.head_pruning_step import HeadPruningStep
    from ..models.low_rank_step import LowRankStep
    from ..models.quantization_step import QuantizationStep
    from ..models.target import Target
    from ..models.weight_pruning_step import WeightPruningStep


T = TypeVar("T", bound="PointRequest")


@_attrs_define
class PointRequest:
    """One compression: exactly one of ``steps`` and ``target``."""

    steps: (
        list[DistillationStep | FfnPruningStep | HeadPruningStep | LowRankStep | QuantizationStep | WeightPruningStep]
        | Unset
    ) = UNSET
    """ What to do, in this order """
    target: Target | Unset = UNSET
    """ A budget instead of steps: the service chooses what to remove, and where. """
    series: str | Unset = UNSET
    """ What it is drawn with; its techniques if left out """
    name: str | Unset = UNSET
    """ What it is called; what it asks for if left out """

    def to_dict(self) -> dict[str, Any]:
        from ..models.distillation_step import DistillationStep  # noqa: PLC0415
        from ..models.ffn_pruning_step import FfnPruningStep  # noqa: PLC0415
        from ..models.head_pruning_step import HeadPruningStep  # noqa: PLC0415
        from ..models.low_rank_step import LowRankStep  # noqa: PLC0415
        from ..models.quantization_step import QuantizationStep  # noqa: PLC0415

        steps: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.steps, Unset):
            steps = []
            for steps_item_data in self.steps:
                steps_item: dict[str, Any]
                if isinstance(steps_item_data, DistillationStep):
                    steps_item = steps_item_data.to_dict()
                elif isinstance(steps_item_data, FfnPruningStep):
                    steps_item = steps_item_data.to_dict()
                elif isinstance(steps_item_data, HeadPruningStep):
                    steps_item = steps_item_data.to_dict()
                elif isinstance(steps_item_data, LowRankStep):
                    steps_item = steps_item_data.to_dict()
                elif isinstance(steps_item_data, QuantizationStep):
                    steps_item = steps_item_data.to_dict()
                else:
                    steps_item = steps_item_data.to_dict()

                steps.append(steps_item)

        target: dict[str, Any] | Unset = UNSET
        if not isinstance(self.target, Unset):
            target = self.target.to_dict()

        series = self.series

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if steps is not UNSET:
            field_dict["steps"] = steps
        if target is not UNSET:
            field_dict["target"] = target
        if series is not UNSET:
            field_dict["series"] = series
        if name is not UNSET:
            field_dict["name"] = name

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.distillation_step import DistillationStep  # noqa: PLC0415
        from ..models.ffn_pruning_step import FfnPruningStep  # noqa: PLC0415
        from ..models.head_pruning_step import HeadPruningStep  # noqa: PLC0415
        from ..models.low_rank_step import LowRankStep  # noqa: PLC0415
        from ..models.quantization_step import QuantizationStep  # noqa: PLC0415
        from ..models.target import Target  # noqa: PLC0415
        from ..models.weight_pruning_step import WeightPruningStep  # noqa: PLC0415

        d = dict(src_dict)
        _steps = d.pop("steps", UNSET)
        steps: (
            list[
                DistillationStep | FfnPruningStep | HeadPruningStep | LowRankStep | QuantizationStep | WeightPruningStep
            ]
            | Unset
        ) = UNSET
        if _steps is not UNSET:
            steps = []
            for steps_item_data in _steps:

                def _parse_steps_item(
                    data: object,
                ) -> (
                    DistillationStep
                    | FfnPruningStep
                    | HeadPruningStep
                    | LowRankStep
                    | QuantizationStep
                    | WeightPruningStep
                ):
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        steps_item_type_0 = DistillationStep.from_dict(data)

                        return steps_item_type_0
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        steps_item_type_1 = FfnPruningStep.from_dict(data)

                        return steps_item_type_1
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        steps_item_type_2 = HeadPruningStep.from_dict(data)

                        return steps_item_type_2
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        steps_item_type_3 = LowRankStep.from_dict(data)

                        return steps_item_type_3
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        steps_item_type_4 = QuantizationStep.from_dict(data)

                        return steps_item_type_4
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    if not isinstance(data, dict):
                        raise TypeError()
                    steps_item_type_5 = WeightPruningStep.from_dict(data)

                    return steps_item_type_5

                steps_item = _parse_steps_item(steps_item_data)

                steps.append(steps_item)

        _target = d.pop("target", UNSET)
        target: Target | Unset
        if isinstance(_target, Unset):
            target = UNSET
        else:
            target = Target.from_dict(_target)

        series = d.pop("series", UNSET)

        name = d.pop("name", UNSET)

        point_request = cls(
            steps=steps,
            target=target,
            series=series,
            name=name,
        )

        return point_request
