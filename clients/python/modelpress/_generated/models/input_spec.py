from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="InputSpec")


@_attrs_define
class InputSpec:
    """One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances."""

    kind: str
    batch_size: int | Unset = UNSET
    preset: None | str | Unset = UNSET
    seconds: float | None | Unset = UNSET
    tokens: int | None | Unset = UNSET
    pixels: int | None | Unset = UNSET
    timed: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        batch_size = self.batch_size

        preset: None | str | Unset
        if isinstance(self.preset, Unset):
            preset = UNSET
        else:
            preset = self.preset

        seconds: float | None | Unset
        if isinstance(self.seconds, Unset):
            seconds = UNSET
        else:
            seconds = self.seconds

        tokens: int | None | Unset
        if isinstance(self.tokens, Unset):
            tokens = UNSET
        else:
            tokens = self.tokens

        pixels: int | None | Unset
        if isinstance(self.pixels, Unset):
            pixels = UNSET
        else:
            pixels = self.pixels

        timed = self.timed

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
            }
        )
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size
        if preset is not UNSET:
            field_dict["preset"] = preset
        if seconds is not UNSET:
            field_dict["seconds"] = seconds
        if tokens is not UNSET:
            field_dict["tokens"] = tokens
        if pixels is not UNSET:
            field_dict["pixels"] = pixels
        if timed is not UNSET:
            field_dict["timed"] = timed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = d.pop("kind")

        batch_size = d.pop("batch_size", UNSET)

        def _parse_preset(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        preset = _parse_preset(d.pop("preset", UNSET))

        def _parse_seconds(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        seconds = _parse_seconds(d.pop("seconds", UNSET))

        def _parse_tokens(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        tokens = _parse_tokens(d.pop("tokens", UNSET))

        def _parse_pixels(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        pixels = _parse_pixels(d.pop("pixels", UNSET))

        timed = d.pop("timed", UNSET)

        input_spec = cls(
            kind=kind,
            batch_size=batch_size,
            preset=preset,
            seconds=seconds,
            tokens=tokens,
            pixels=pixels,
            timed=timed,
        )

        input_spec.additional_properties = d
        return input_spec

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
