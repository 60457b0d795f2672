from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..models.input_preset import InputPreset, check_input_preset
from ..types import UNSET, Unset

T = TypeVar("T", bound="AudioInput")


@_attrs_define
class AudioInput:
    """Waveforms at the model's sampling rate: all of one length, or one after another those of a published set."""

    kind: Literal["audio"]
    timed: bool | Unset = True
    """ Whether to time it too, or only to count operations and memory """
    batch_size: int | Unset = 1
    """ Waveforms in the batch """
    seconds: float | Unset = UNSET
    """ Length of each [s] """
    preset: InputPreset | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        timed = self.timed

        batch_size = self.batch_size

        seconds = self.seconds

        preset: str | Unset = UNSET
        if not isinstance(self.preset, Unset):
            preset = self.preset

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
            }
        )
        if timed is not UNSET:
            field_dict["timed"] = timed
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size
        if seconds is not UNSET:
            field_dict["seconds"] = seconds
        if preset is not UNSET:
            field_dict["preset"] = preset

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["audio"], d.pop("kind"))
        if kind != "audio":
            raise ValueError(f"kind must match const 'audio', got '{kind}'")

        timed = d.pop("timed", UNSET)

        batch_size = d.pop("batch_size", UNSET)

        seconds = d.pop("seconds", UNSET)

        _preset = d.pop("preset", UNSET)
        preset: InputPreset | Unset
        if isinstance(_preset, Unset):
            preset = UNSET
        else:
            preset = check_input_preset(_preset)

        audio_input = cls(
            kind=kind,
            timed=timed,
            batch_size=batch_size,
            seconds=seconds,
            preset=preset,
        )

        return audio_input
