from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.input_profile_uncounted_ops import InputProfileUncountedOps
    from ..models.input_spec import InputSpec
    from ..models.latency import Latency


T = TypeVar("T", bound="InputProfile")


@_attrs_define
class InputProfile:
    """Figures that depend on the input."""

    input_: InputSpec
    """ One shape of input to profile with, the length in the unit of its kind; or, of audio, a set of utterances.
    """
    macs_executed: int
    """ MACs of one forward pass of the whole batch. """
    macs_theoretical: int
    """ the same without products with stored zeros. """
    uncounted_ops: InputProfileUncountedOps
    """ operations with no formula, and how often they ran; empty when the count is complete. """
    latency_ms: Latency | None
    """ wall-clock; None for an input that is not timed, or a model that went by layers from disk to disk. """
    real_time_factor: float | None | Unset = UNSET
    """ seconds of compute per second of audio; None for other inputs, and without a wall-clock. """
    macs_per_second: float | None | Unset = UNSET
    """ MACs executed per second of audio; None for other inputs. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.latency import Latency  # noqa: PLC0415

        input_ = self.input_.to_dict()

        macs_executed = self.macs_executed

        macs_theoretical = self.macs_theoretical

        uncounted_ops = self.uncounted_ops.to_dict()

        latency_ms: dict[str, Any] | None
        if isinstance(self.latency_ms, Latency):
            latency_ms = self.latency_ms.to_dict()
        else:
            latency_ms = self.latency_ms

        real_time_factor: float | None | Unset
        if isinstance(self.real_time_factor, Unset):
            real_time_factor = UNSET
        else:
            real_time_factor = self.real_time_factor

        macs_per_second: float | None | Unset
        if isinstance(self.macs_per_second, Unset):
            macs_per_second = UNSET
        else:
            macs_per_second = self.macs_per_second

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "input": input_,
                "macs_executed": macs_executed,
                "macs_theoretical": macs_theoretical,
                "uncounted_ops": uncounted_ops,
                "latency_ms": latency_ms,
            }
        )
        if real_time_factor is not UNSET:
            field_dict["real_time_factor"] = real_time_factor
        if macs_per_second is not UNSET:
            field_dict["macs_per_second"] = macs_per_second

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.input_profile_uncounted_ops import InputProfileUncountedOps  # noqa: PLC0415
        from ..models.input_spec import InputSpec  # noqa: PLC0415
        from ..models.latency import Latency  # noqa: PLC0415

        d = dict(src_dict)
        input_ = InputSpec.from_dict(d.pop("input"))

        macs_executed = d.pop("macs_executed")

        macs_theoretical = d.pop("macs_theoretical")

        uncounted_ops = InputProfileUncountedOps.from_dict(d.pop("uncounted_ops"))

        def _parse_latency_ms(data: object) -> Latency | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                latency_ms_type_0 = Latency.from_dict(data)

                return latency_ms_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Latency | None, data)

        latency_ms = _parse_latency_ms(d.pop("latency_ms"))

        def _parse_real_time_factor(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        real_time_factor = _parse_real_time_factor(d.pop("real_time_factor", UNSET))

        def _parse_macs_per_second(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        macs_per_second = _parse_macs_per_second(d.pop("macs_per_second", UNSET))

        input_profile = cls(
            input_=input_,
            macs_executed=macs_executed,
            macs_theoretical=macs_theoretical,
            uncounted_ops=uncounted_ops,
            latency_ms=latency_ms,
            real_time_factor=real_time_factor,
            macs_per_second=macs_per_second,
        )

        input_profile.additional_properties = d
        return input_profile

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
