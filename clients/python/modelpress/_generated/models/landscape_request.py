from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.classification_probe import ClassificationProbe
    from ..models.controls import Controls
    from ..models.data_ref import DataRef
    from ..models.fidelity_probe import FidelityProbe
    from ..models.grid import Grid
    from ..models.landscape_request_labels import LandscapeRequestLabels
    from ..models.limits import Limits
    from ..models.model_ref import ModelRef
    from ..models.phones_probe import PhonesProbe
    from ..models.point_request import PointRequest
    from ..models.profile_options import ProfileOptions
    from ..models.recovery import Recovery
    from ..models.regression_probe import RegressionProbe
    from ..models.similarity_probe import SimilarityProbe


T = TypeVar("T", bound="LandscapeRequest")


@_attrs_define
class LandscapeRequest:
    """One model compressed in many ways: ``points``, a ``grid``, or both; the rest holds for every point."""

    model: ModelRef
    """ Where the dense model is: a folder of safetensors with its config. """
    points: list[PointRequest] | Unset = UNSET
    """ Compressions, one by one """
    grid: Grid | Unset = UNSET
    """ Every technique and target at every amount. """
    controls: Controls | Unset = UNSET
    """ What the points are held against, beside the dense model, which always is. """
    data: DataRef | Unset = UNSET
    """ Unlabelled data, for calibration, distillation and fidelity: a folder of text, audio or images. """
    recovery: Recovery | Unset = UNSET
    """ Label-free self-distillation to the dense model after the last step. """
    profile: ProfileOptions | Unset = UNSET
    """ How to measure. """
    evaluate: list[ClassificationProbe | FidelityProbe | PhonesProbe | RegressionProbe | SimilarityProbe] | Unset = (
        UNSET
    )
    """ What to judge the model by, before and after, beside its closeness to the dense one """
    reuse: bool | Unset = True
    """ Whether results of your earlier landscapes that asked for the very same may stand in """
    limits: Limits | Unset = UNSET
    """ When to give up. """
    labels: LandscapeRequestLabels | Unset = UNSET
    """ Your own words, to find the landscape and its points again """
    webhook: str | Unset = UNSET
    """ The id of a webhook endpoint that is told of the end of this job, whatever its `events` are """

    def to_dict(self) -> dict[str, Any]:
        from ..models.classification_probe import ClassificationProbe  # noqa: PLC0415
        from ..models.fidelity_probe import FidelityProbe  # noqa: PLC0415
        from ..models.regression_probe import RegressionProbe  # noqa: PLC0415
        from ..models.similarity_probe import SimilarityProbe  # noqa: PLC0415

        model = self.model.to_dict()

        points: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.points, Unset):
            points = []
            for points_item_data in self.points:
                points_item = points_item_data.to_dict()
                points.append(points_item)

        grid: dict[str, Any] | Unset = UNSET
        if not isinstance(self.grid, Unset):
            grid = self.grid.to_dict()

        controls: dict[str, Any] | Unset = UNSET
        if not isinstance(self.controls, Unset):
            controls = self.controls.to_dict()

        data: dict[str, Any] | Unset = UNSET
        if not isinstance(self.data, Unset):
            data = self.data.to_dict()

        recovery: dict[str, Any] | Unset = UNSET
        if not isinstance(self.recovery, Unset):
            recovery = self.recovery.to_dict()

        profile: dict[str, Any] | Unset = UNSET
        if not isinstance(self.profile, Unset):
            profile = self.profile.to_dict()

        evaluate: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.evaluate, Unset):
            evaluate = []
            for evaluate_item_data in self.evaluate:
                evaluate_item: dict[str, Any]
                if isinstance(evaluate_item_data, FidelityProbe):
                    evaluate_item = evaluate_item_data.to_dict()
                elif isinstance(evaluate_item_data, ClassificationProbe):
                    evaluate_item = evaluate_item_data.to_dict()
                elif isinstance(evaluate_item_data, RegressionProbe):
                    evaluate_item = evaluate_item_data.to_dict()
                elif isinstance(evaluate_item_data, SimilarityProbe):
                    evaluate_item = evaluate_item_data.to_dict()
                else:
                    evaluate_item = evaluate_item_data.to_dict()

                evaluate.append(evaluate_item)

        reuse = self.reuse

        limits: dict[str, Any] | Unset = UNSET
        if not isinstance(self.limits, Unset):
            limits = self.limits.to_dict()

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        webhook = self.webhook

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "model": model,
            }
        )
        if points is not UNSET:
            field_dict["points"] = points
        if grid is not UNSET:
            field_dict["grid"] = grid
        if controls is not UNSET:
            field_dict["controls"] = controls
        if data is not UNSET:
            field_dict["data"] = data
        if recovery is not UNSET:
            field_dict["recovery"] = recovery
        if profile is not UNSET:
            field_dict["profile"] = profile
        if evaluate is not UNSET:
            field_dict["evaluate"] = evaluate
        if reuse is not UNSET:
            field_dict["reuse"] = reuse
        if limits is not UNSET:
            field_dict["limits"] = limits
        if labels is not UNSET:
            field_dict["labels"] = labels
        if webhook is not UNSET:
            field_dict["webhook"] = webhook

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.classification_probe import ClassificationProbe  # noqa: PLC0415
        from ..models.controls import Controls  # noqa: PLC0415
        from ..models.data_ref import DataRef  # noqa: PLC0415
        from ..models.fidelity_probe import FidelityProbe  # noqa: PLC0415
        from ..models.grid import Grid  # noqa: PLC0415
        from ..models.landscape_request_labels import LandscapeRequestLabels  # noqa: PLC0415
        from ..models.limits import Limits  # noqa: PLC0415
        from ..models.model_ref import ModelRef  # noqa: PLC0415
        from ..models.phones_probe import PhonesProbe  # noqa: PLC0415
        from ..models.point_request import PointRequest  # noqa: PLC0415
        from ..models.profile_options import ProfileOptions  # noqa: PLC0415
        from ..models.recovery import Recovery  # noqa: PLC0415
        from ..models.regression_probe import RegressionProbe  # noqa: PLC0415
        from ..models.similarity_probe import SimilarityProbe  # noqa: PLC0415

        d = dict(src_dict)
        model = ModelRef.from_dict(d.pop("model"))

        _points = d.pop("points", UNSET)
        points: list[PointRequest] | Unset = UNSET
        if _points is not UNSET:
            points = []
            for points_item_data in _points:
                points_item = PointRequest.from_dict(points_item_data)

                points.append(points_item)

        _grid = d.pop("grid", UNSET)
        grid: Grid | Unset
        if isinstance(_grid, Unset):
            grid = UNSET
        else:
            grid = Grid.from_dict(_grid)

        _controls = d.pop("controls", UNSET)
        controls: Controls | Unset
        if isinstance(_controls, Unset):
            controls = UNSET
        else:
            controls = Controls.from_dict(_controls)

        _data = d.pop("data", UNSET)
        data: DataRef | Unset
        if isinstance(_data, Unset):
            data = UNSET
        else:
            data = DataRef.from_dict(_data)

        _recovery = d.pop("recovery", UNSET)
        recovery: Recovery | Unset
        if isinstance(_recovery, Unset):
            recovery = UNSET
        else:
            recovery = Recovery.from_dict(_recovery)

        _profile = d.pop("profile", UNSET)
        profile: ProfileOptions | Unset
        if isinstance(_profile, Unset):
            profile = UNSET
        else:
            profile = ProfileOptions.from_dict(_profile)

        _evaluate = d.pop("evaluate", UNSET)
        evaluate: (
            list[ClassificationProbe | FidelityProbe | PhonesProbe | RegressionProbe | SimilarityProbe] | Unset
        ) = UNSET
        if _evaluate is not UNSET:
            evaluate = []
            for evaluate_item_data in _evaluate:

                def _parse_evaluate_item(
                    data: object,
                ) -> ClassificationProbe | FidelityProbe | PhonesProbe | RegressionProbe | SimilarityProbe:
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        evaluate_item_type_0 = FidelityProbe.from_dict(data)

                        return evaluate_item_type_0
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        evaluate_item_type_1 = ClassificationProbe.from_dict(data)

                        return evaluate_item_type_1
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        evaluate_item_type_2 = RegressionProbe.from_dict(data)

                        return evaluate_item_type_2
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        evaluate_item_type_3 = SimilarityProbe.from_dict(data)

                        return evaluate_item_type_3
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    if not isinstance(data, dict):
                        raise TypeError()
                    evaluate_item_type_4 = PhonesProbe.from_dict(data)

                    return evaluate_item_type_4

                evaluate_item = _parse_evaluate_item(evaluate_item_data)

                evaluate.append(evaluate_item)

        reuse = d.pop("reuse", UNSET)

        _limits = d.pop("limits", UNSET)
        limits: Limits | Unset
        if isinstance(_limits, Unset):
            limits = UNSET
        else:
            limits = Limits.from_dict(_limits)

        _labels = d.pop("labels", UNSET)
        labels: LandscapeRequestLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = LandscapeRequestLabels.from_dict(_labels)

        webhook = d.pop("webhook", UNSET)

        landscape_request = cls(
            model=model,
            points=points,
            grid=grid,
            controls=controls,
            data=data,
            recovery=recovery,
            profile=profile,
            evaluate=evaluate,
            reuse=reuse,
            limits=limits,
            labels=labels,
            webhook=webhook,
        )

        return landscape_request
