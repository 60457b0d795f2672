from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="AudioInput")


@_attrs_define
class AudioInput:
    """Waveforms at the model's sampling rate."""

    kind: Literal["audio"]
    seconds: float
    """ Length of each [s] """
    batch_size: int | Unset = 1
    """ Waveforms in the batch """

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        seconds = self.seconds

        batch_size = self.batch_size

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "seconds": seconds,
            }
        )
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["audio"], d.pop("kind"))
        if kind != "audio":
            raise ValueError(f"kind must match const 'audio', got '{kind}'")

        seconds = d.pop("seconds")

        batch_size = d.pop("batch_size", UNSET)

        audio_input = cls(
            kind=kind,
            seconds=seconds,
            batch_size=batch_size,
        )

        return audio_input
