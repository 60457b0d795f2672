from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.classification_probe import ClassificationProbe
    from ..models.compression_request_labels import CompressionRequestLabels
    from ..models.data_ref import DataRef
    from ..models.distillation_step import DistillationStep
    from ..models.ffn_pruning_step import FfnPruningStep
    from ..models.fidelity_probe import FidelityProbe
    from ..models.head_pruning_step import HeadPruningStep
    from ..models.limits import Limits
    from ..models.low_rank_step import LowRankStep
    from ..models.model_ref import ModelRef
    from ..models.output import Output
    from ..models.phones_probe import PhonesProbe
    from ..models.profile_options import ProfileOptions
    from ..models.quantization_step import QuantizationStep
    from ..models.recovery import Recovery
    from ..models.regression_probe import RegressionProbe
    from ..models.similarity_probe import SimilarityProbe
    from ..models.target import Target
    from ..models.weight_pruning_step import WeightPruningStep


T = TypeVar("T", bound="CompressionRequest")


@_attrs_define
class CompressionRequest:
    """What to compress, how, and how to measure it: exactly one of ``steps`` and ``target``."""

    model: ModelRef
    """ Where the dense model is: a folder of safetensors with its config. """
    steps: (
        list[DistillationStep | FfnPruningStep | HeadPruningStep | LowRankStep | QuantizationStep | WeightPruningStep]
        | Unset
    ) = UNSET
    """ What to do, in this order """
    target: Target | Unset = UNSET
    """ A budget instead of steps: the service chooses what to remove, and where. """
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
    output: Output | Unset = UNSET
    """ What the artifact holds, beside the report. """
    limits: Limits | Unset = UNSET
    """ When to give up. """
    labels: CompressionRequestLabels | Unset = UNSET
    """ Your own words, to find the job again """
    webhook: str | Unset = UNSET
    """ The id of a webhook endpoint that is told of the end of this job, whatever its `events` are """

    def to_dict(self) -> dict[str, Any]:
        from ..models.classification_probe import ClassificationProbe  # noqa: PLC0415
        from ..models.distillation_step import DistillationStep  # noqa: PLC0415
        from ..models.ffn_pruning_step import FfnPruningStep  # noqa: PLC0415
        from ..models.fidelity_probe import FidelityProbe  # noqa: PLC0415
        from ..models.head_pruning_step import HeadPruningStep  # noqa: PLC0415
        from ..models.low_rank_step import LowRankStep  # noqa: PLC0415
        from ..models.quantization_step import QuantizationStep  # noqa: PLC0415
        from ..models.regression_probe import RegressionProbe  # noqa: PLC0415
        from ..models.similarity_probe import SimilarityProbe  # noqa: PLC0415

        model = self.model.to_dict()

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

        output: dict[str, Any] | Unset = UNSET
        if not isinstance(self.output, Unset):
            output = self.output.to_dict()

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
        if steps is not UNSET:
            field_dict["steps"] = steps
        if target is not UNSET:
            field_dict["target"] = target
        if data is not UNSET:
            field_dict["data"] = data
        if recovery is not UNSET:
            field_dict["recovery"] = recovery
        if profile is not UNSET:
            field_dict["profile"] = profile
        if evaluate is not UNSET:
            field_dict["evaluate"] = evaluate
        if output is not UNSET:
            field_dict["output"] = output
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
        from ..models.compression_request_labels import CompressionRequestLabels  # noqa: PLC0415
        from ..models.data_ref import DataRef  # noqa: PLC0415
        from ..models.distillation_step import DistillationStep  # noqa: PLC0415
        from ..models.ffn_pruning_step import FfnPruningStep  # noqa: PLC0415
        from ..models.fidelity_probe import FidelityProbe  # noqa: PLC0415
        from ..models.head_pruning_step import HeadPruningStep  # noqa: PLC0415
        from ..models.limits import Limits  # noqa: PLC0415
        from ..models.low_rank_step import LowRankStep  # noqa: PLC0415
        from ..models.model_ref import ModelRef  # noqa: PLC0415
        from ..models.output import Output  # noqa: PLC0415
        from ..models.phones_probe import PhonesProbe  # noqa: PLC0415
        from ..models.profile_options import ProfileOptions  # noqa: PLC0415
        from ..models.quantization_step import QuantizationStep  # noqa: PLC0415
        from ..models.recovery import Recovery  # noqa: PLC0415
        from ..models.regression_probe import RegressionProbe  # noqa: PLC0415
        from ..models.similarity_probe import SimilarityProbe  # noqa: PLC0415
        from ..models.target import Target  # noqa: PLC0415
        from ..models.weight_pruning_step import WeightPruningStep  # noqa: PLC0415

        d = dict(src_dict)
        model = ModelRef.from_dict(d.pop("model"))

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

        _output = d.pop("output", UNSET)
        output: Output | Unset
        if isinstance(_output, Unset):
            output = UNSET
        else:
            output = Output.from_dict(_output)

        _limits = d.pop("limits", UNSET)
        limits: Limits | Unset
        if isinstance(_limits, Unset):
            limits = UNSET
        else:
            limits = Limits.from_dict(_limits)

        _labels = d.pop("labels", UNSET)
        labels: CompressionRequestLabels | Unset
        if isinstance(_labels, Unset):
            labels = UNSET
        else:
            labels = CompressionRequestLabels.from_dict(_labels)

        webhook = d.pop("webhook", UNSET)

        compression_request = cls(
            model=model,
            steps=steps,
            target=target,
            data=data,
            recovery=recovery,
            profile=profile,
            evaluate=evaluate,
            output=output,
            limits=limits,
            labels=labels,
            webhook=webhook,
        )

        return compression_request
