from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.limits import Limits
    from ..models.model_ref import ModelRef
    from ..models.profile_options import ProfileOptions
    from ..models.profile_request_labels import ProfileRequestLabels


T = TypeVar("T", bound="ProfileRequest")


@_attrs_define
class ProfileRequest:
    """Which model to measure as it is, and how."""

    model: ModelRef
    """ Where the dense model is: a folder of safetensors with its config. """
    profile: ProfileOptions | Unset = UNSET
    """ How to measure. """
    limits: Limits | Unset = UNSET
    """ When to give up. """
    labels: ProfileRequestLabels | Unset = UNSET
    """ Your own words, to find the job again """

    def to_dict(self) -> dict[str, Any]:
        model = self.model.to_dict()

        profile: dict[str, Any] | Unset = UNSET
        if not isinstance(self.profile, Unset):
            profile = self.profile.to_dict()

        limits: dict[str, Any] | Unset = UNSET
        if not isinstance(self.limits, Unset):
            limits = self.limits.to_dict()

        labels: dict[str, Any] | Unset = UNSET
        if not isinstance(self.labels, Unset):
            labels = self.labels.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "model": model,
            }
        )
        if profile is not UNSET:
            field_dict["profile"] = profile
        if limits is not UNSET:
            field_dict["limits"] = limits
        if labels is not UNSET:
            field_dict["labels"] = labels

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.limits import Limits  # noqa: PLC0415
        from ..models.model_ref import ModelRef  # noqa: PLC0415
        from ..models.profile_options import ProfileOptions  # noqa: PLC0415
        from ..models.profile_request_labels import ProfileRequestLabels  # noqa: PLC0415

        d = dict(src_dict)
        model = ModelRef.from_dict(d.pop("model"))

        _profile = d.pop("profile", UNSET)
        profile: ProfileOptions | Unset
        if isinstance(_profile, Unset):
            profile = UNSET
        else:
            profile = ProfileOptions.from_dict(_profile)

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

        profile_request = cls(
            model=model,
            profile=profile,
            limits=limits,
            labels=labels,
        )

        return profile_request
