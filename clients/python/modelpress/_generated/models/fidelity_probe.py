from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="FidelityProbe")


@_attrs_define
class FidelityProbe:
    """Closeness to the dense model, layer by layer, which is measured whether it is asked for or not."""

    probe: Literal["fidelity"]

    def to_dict(self) -> dict[str, Any]:
        probe = self.probe

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "probe": probe,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        probe = cast(Literal["fidelity"], d.pop("probe"))
        if probe != "fidelity":
            raise ValueError(f"probe must match const 'fidelity', got '{probe}'")

        fidelity_probe = cls(
            probe=probe,
        )

        return fidelity_probe
