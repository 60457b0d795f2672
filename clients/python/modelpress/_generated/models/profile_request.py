from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.classification_probe import ClassificationProbe
    from ..models.fidelity_probe import FidelityProbe
    from ..models.limits import Limits
    from ..models.model_ref import ModelRef
    from ..models.phones_probe import PhonesProbe
    from ..models.profile_options import ProfileOptions
    from ..models.profile_request_labels import ProfileRequestLabels
    from ..models.regression_probe import RegressionProbe
    from ..models.similarity_probe import SimilarityProbe


T = TypeVar("T", bound="ProfileRequest")


@_attrs_define
class ProfileRequest:
    """Which model to measure as it is, and how."""

    model: ModelRef
    """ Where the dense model is: a folder of safetensors with its config. """
    profile: ProfileOptions | Unset = UNSET
    """ How to measure. """
    evaluate: list[ClassificationProbe | FidelityProbe | PhonesProbe | RegressionProbe | SimilarityProbe] | Unset = (
        UNSET
    )
    """ What to judge the model by, before and after, beside its closeness to the dense one """
    limits: Limits | Unset = UNSET
    """ When to give up. """
    labels: ProfileRequestLabels | Unset = UNSET
    """ Your own words, to find the job again """
    webhook: str | Unset = UNSET
    """ The id of a webhook endpoint that is told of the end of this job, whatever its `events` are """

    def to_dict(self) -> dict[str, Any]:
        from ..models.classification_probe import ClassificationProbe  # noqa: PLC0415
        from ..models.fidelity_probe import FidelityProbe  # noqa: PLC0415
        from ..models.regression_probe import RegressionProbe  # noqa: PLC0415
        from ..models.similarity_probe import SimilarityProbe  # noqa: PLC0415

        model = self.model.to_dict()

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
        if profile is not UNSET:
            field_dict["profile"] = profile
        if evaluate is not UNSET:
            field_dict["evaluate"] = evaluate
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
        from ..models.fidelity_probe import FidelityProbe  # noqa: PLC0415
        from ..models.limits import Limits  # noqa: PLC0415
        from ..models.model_ref import ModelRef  # noqa: PLC0415
        from ..models.phones_probe import PhonesProbe  # noqa: PLC0415
        from ..models.profile_options import ProfileOptions  # noqa: PLC0415
        from ..models.profile_request_labels import ProfileRequestLabels  # noqa: PLC0415
        from ..models.regression_probe import RegressionProbe  # noqa: PLC0415
        from ..models.similarity_probe import SimilarityProbe  # noqa: PLC0415

        d = dict(src_dict)
        model = ModelRef.from_dict(d.pop("model"))

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

        _limits = d.pop("limits", UNSET)
        limits: Limits | Unset
        if isinstance(_limits, Unset):
            limits = UNSET
        else:
            limits = Limits.from_dict(_limits)

        _labels = d.pop("labels", UNSET)
        labels: ProfileRequestLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = ProfileRequestLabels.from_dict(_labels)

        webhook = d.pop("webhook", UNSET)

        profile_request = cls(
            model=model,
            profile=profile,
            evaluate=evaluate,
            limits=limits,
            labels=labels,
            webhook=webhook,
        )

        return profile_request
