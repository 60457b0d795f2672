from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Limits")


@_attrs_define
class Limits:
    """When to give up."""

    queue_timeout_s: int | Unset = 86400
    """ Longest wait for a worker [s] """
    run_timeout_s: int | Unset = 21600
    """ Longest run of one attempt [s] """

    def to_dict(self) -> dict[str, Any]:
        queue_timeout_s = self.queue_timeout_s

        run_timeout_s = self.run_timeout_s

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if queue_timeout_s is not UNSET:
            field_dict["queue_timeout_s"] = queue_timeout_s
        if run_timeout_s is not UNSET:
            field_dict["run_timeout_s"] = run_timeout_s

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        queue_timeout_s = d.pop("queue_timeout_s", UNSET)

        run_timeout_s = d.pop("run_timeout_s", UNSET)

        limits = cls(
            queue_timeout_s=queue_timeout_s,
            run_timeout_s=run_timeout_s,
        )

        return limits
