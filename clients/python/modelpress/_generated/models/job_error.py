from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="JobError")


@_attrs_define
class JobError:
    """Why a job failed."""

    code: str
    """ Stable name; see docs/errors """
    message: str
    """ What was expected, what came and what to do """
    stage: None | str
    """ What was under way: queue, fetch, load, a technique's name while its step runs, evaluate, recover, write,
    export, profile, breakdown, points, chart or publish """
    retryable: bool
    """ Whether the same request may succeed later """
    attempt: int
    """ The attempt that failed last """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        message = self.message

        stage: None | str
        stage = self.stage

        retryable = self.retryable

        attempt = self.attempt

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "message": message,
                "stage": stage,
                "retryable": retryable,
                "attempt": attempt,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        message = d.pop("message")

        def _parse_stage(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        stage = _parse_stage(d.pop("stage"))

        retryable = d.pop("retryable")

        attempt = d.pop("attempt")

        job_error = cls(
            code=code,
            message=message,
            stage=stage,
            retryable=retryable,
            attempt=attempt,
        )

        job_error.additional_properties = d
        return job_error

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
