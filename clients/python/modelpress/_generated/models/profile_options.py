from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.runtime import Runtime, check_runtime
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audio_input import AudioInput
    from ..models.image_input import ImageInput
    from ..models.text_input import TextInput


T = TypeVar("T", bound="ProfileOptions")


@_attrs_define
class ProfileOptions:
    """How to measure."""

    inputs: list[AudioInput | ImageInput | TextInput] | Unset = UNSET
    """ What to measure with; empty: one typical input of the model's kind """
    threads: int | Unset = 1
    """ Compute threads while measuring """
    repeats: int | Unset = 20
    """ Timed pairs of forward passes """
    runtimes: list[Runtime] | Unset = UNSET
    """ What to time under: plain PyTorch (eager) always, beside it torch.compile and ONNX Runtime as asked, which
    cost a compilation of each model for each input, or an export of each model """

    def to_dict(self) -> dict[str, Any]:
        from ..models.audio_input import AudioInput  # noqa: PLC0415
        from ..models.text_input import TextInput  # noqa: PLC0415

        inputs: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.inputs, Unset):
            inputs = []
            for inputs_item_data in self.inputs:
                inputs_item: dict[str, Any]
                if isinstance(inputs_item_data, AudioInput):
                    inputs_item = inputs_item_data.to_dict()
                elif isinstance(inputs_item_data, TextInput):
                    inputs_item = inputs_item_data.to_dict()
                else:
                    inputs_item = inputs_item_data.to_dict()

                inputs.append(inputs_item)

        threads = self.threads

        repeats = self.repeats

        runtimes: list[str] | Unset = UNSET
        if not isinstance(self.runtimes, Unset):
            runtimes = []
            for runtimes_item_data in self.runtimes:
                runtimes_item: str = runtimes_item_data
                runtimes.append(runtimes_item)

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if inputs is not UNSET:
            field_dict["inputs"] = inputs
        if threads is not UNSET:
            field_dict["threads"] = threads
        if repeats is not UNSET:
            field_dict["repeats"] = repeats
        if runtimes is not UNSET:
            field_dict["runtimes"] = runtimes

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.audio_input import AudioInput  # noqa: PLC0415
        from ..models.image_input import ImageInput  # noqa: PLC0415
        from ..models.text_input import TextInput  # noqa: PLC0415

        d = dict(src_dict)
        _inputs = d.pop("inputs", UNSET)
        inputs: list[AudioInput | ImageInput | TextInput] | Unset = UNSET
        if _inputs is not UNSET:
            inputs = []
            for inputs_item_data in _inputs:

                def _parse_inputs_item(data: object) -> AudioInput | ImageInput | TextInput:
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        inputs_item_type_0 = AudioInput.from_dict(data)

                        return inputs_item_type_0
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        inputs_item_type_1 = TextInput.from_dict(data)

                        return inputs_item_type_1
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    if not isinstance(data, dict):
                        raise TypeError()
                    inputs_item_type_2 = ImageInput.from_dict(data)

                    return inputs_item_type_2

                inputs_item = _parse_inputs_item(inputs_item_data)

                inputs.append(inputs_item)

        threads = d.pop("threads", UNSET)

        repeats = d.pop("repeats", UNSET)

        _runtimes = d.pop("runtimes", UNSET)
        runtimes: list[Runtime] | Unset = UNSET
        if _runtimes is not UNSET:
            runtimes = []
            for runtimes_item_data in _runtimes:
                runtimes_item = check_runtime(runtimes_item_data)

                runtimes.append(runtimes_item)

        profile_options = cls(
            inputs=inputs,
            threads=threads,
            repeats=repeats,
            runtimes=runtimes,
        )

        return profile_options
